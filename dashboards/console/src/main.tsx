import { render } from "preact";

import { App } from "./app";
import { listenToKeys } from "./shortcuts";
import { start } from "./state";

render(<App />, document.getElementById("app")!);
listenToKeys();
void start();
