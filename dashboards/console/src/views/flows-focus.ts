import { signal } from "@preact/signals";

/** The zone whose flows are shown; "": all. Apart from the view, which is loaded only when it is opened. */
export const flowsFocus = signal("");
