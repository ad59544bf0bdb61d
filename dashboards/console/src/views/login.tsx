import { useState } from "preact/hooks";

import { api, Unauthorised } from "../api/client";
import { t, type Key } from "../i18n";
import { Mark } from "../parts/icon";
import { start } from "../state";

/** The way in where the gateway wants a password. */
export function Login() {
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Key | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      await api.login(password);
      await start();
    } catch (error) {
      setProblem(error instanceof Unauthorised ? "login.wrong" : "login.failed");
      setPassword("");
    } finally {
      setBusy(false);
    }
  };
  return (
    <main class="login">
      <form onSubmit={(event) => void submit(event)}>
        <Mark />
        <h1>{t("login.title")}</h1>
        <p class="hint">{t("login.hint")}</p>
        <label>
          {t("login.password")}
          <input
            type="password"
            name="password"
            autocomplete="current-password"
            required
            autofocus
            value={password}
            aria-invalid={problem !== null}
            aria-describedby="login-problem"
            onInput={(event) => setPassword(event.currentTarget.value)}
          />
        </label>
        <p id="login-problem" class="problem" role="alert">
          {problem && t(problem)}
        </p>
        <button type="submit" class="button primary wide" disabled={busy}>
          {t("login.go")}
        </button>
      </form>
    </main>
  );
}
