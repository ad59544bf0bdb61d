import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { api, Unauthorised } from "../../api/client";
import { crmAccess, followCrm } from "../../crm";
import { crmWords, loadCrmWords, t, type Key } from "../../i18n";
import { Card } from "../../parts/controls";
import { Field, Problem } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { addressOf, CRM_VIEWS, site, view } from "../../state";

/** A page of the CRM team; where there is no CRM or it is not for this login, one that says what to do. */
export function CrmPage({ children, class: extra = "" }: { children: ComponentChildren; class?: string }) {
  useEffect(() => void loadCrmWords(), []);
  if (site.value === null || crmAccess.value === "asking" || !crmWords.value)
    return <div class="placeholder shimmer" role="status" aria-label={t("load.busy")} />;
  if (crmAccess.value === "none") return <NoCrm />;
  if (crmAccess.value === "refused") return <SignIn />;
  return (
    <>
      <Tabs />
      <div class={`page crm ${extra}`}>{children}</div>
    </>
  );
}

/** On phones, where the navigation has room for one entry of the CRM alone. */
function Tabs() {
  const tabs = useRef<HTMLElement>(null);
  useEffect(() => {
    tabs.current?.querySelector("[aria-current]")?.scrollIntoView({ inline: "center", block: "nearest" });
  }, [view.value]);
  return (
    <nav ref={tabs} class="crm-tabs" aria-label={t("nav.crm")}>
      {CRM_VIEWS.map((name) => (
        <a key={name} href={addressOf(name)} aria-current={view.value === name ? "page" : undefined}>
          {t(`nav.${name}`)}
        </a>
      ))}
    </nav>
  );
}

function NoCrm() {
  return (
    <div class="page page-narrow">
      <Card title={t("crm.none")}>
        <p>{t("crm.none.what")}</p>
        <pre class="code">{"crm:\n  currency: CNY"}</pre>
        <p class="hint">{t("crm.none.then")}</p>
      </Card>
    </div>
  );
}

function SignIn() {
  const [password, setPassword] = useState("");
  const [problem, setProblem] = useState<Key | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    try {
      await api.login(password);
      await followCrm();
      if (crmAccess.value === "refused") setProblem("crm.refused.other");
    } catch (error) {
      setProblem(error instanceof Unauthorised ? "login.wrong" : "login.failed");
    }
    setPassword("");
    setBusy(false);
  };
  return (
    <div class="page page-narrow">
      <Card
        title={
          <>
            <Icon name="shield" size={16} /> {t("crm.refused")}
          </>
        }
      >
        <p>{t("crm.refused.what")}</p>
        <form
          class="form"
          onSubmit={(event) => {
            event.preventDefault();
            void submit();
          }}
        >
          <Field type="password" label={t("crm.refused.password")} value={password} onChange={setPassword} required />
          <Problem text={problem && t(problem)} />
          <footer>
            <button type="submit" class="button primary" disabled={busy}>
              {t("login.go")}
            </button>
          </footer>
        </form>
        <p class="hint">{t("crm.refused.how")}</p>
      </Card>
    </div>
  );
}
