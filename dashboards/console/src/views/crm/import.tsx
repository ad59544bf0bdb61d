import { useRef, useState } from "preact/hooks";

import { crm } from "../../api/crm";
import type { Report } from "../../api/crm-types";
import * as format from "../../format";
import { t } from "../../i18n";
import { Card } from "../../parts/controls";
import { Problem, useAction } from "../../parts/form";
import { Icon } from "../../parts/icon";
import { DataTable } from "../../parts/table";

/** Identifiers from a CSV file, and what became of each line. */
export function ImportCard({ onDone }: { onDone: () => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [report, setReport] = useState<Report | null>(null);
  const { run, busy, problem } = useAction();
  const take = async (file: File | undefined) => {
    if (!file) return;
    setReport(null);
    if (await run(async () => setReport(await crm.importIdentifiers(file)))) onDone();
    if (input.current) input.current.value = ""; // so that the same file, mended, is taken again
  };
  return (
    <Card title={t("crm.import")} hint={t("crm.import.hint")}>
      <pre class="code">{t("crm.import.example")}</pre>
      <label class={`button file ${busy ? "busy" : ""}`}>
        {busy ? <i class="spinner" /> : <Icon name="upload" size={15} />}
        {t("crm.import.choose")}
        <input ref={input} class="visually-hidden" type="file" accept=".csv,text/csv" disabled={busy} onChange={(event) => void take(event.currentTarget.files?.[0])} />
      </label>
      <Problem text={problem} />
      <div aria-live="polite">{report && <Reported report={report} />}</div>
    </Card>
  );
}

function Reported({ report }: { report: Report }) {
  const counts = [
    { words: t("crm.import.rows"), n: report.rows, tone: "" },
    { words: t("crm.import.taken"), n: report.taken, tone: "" },
    { words: t("crm.import.known"), n: report.known, tone: "" },
    { words: t("crm.import.duplicates"), n: report.duplicates, tone: "" },
    { words: t("crm.import.consent"), n: report.no_consent, tone: report.no_consent > 0 ? "tone-warn" : "" },
    { words: t("crm.import.conflicts"), n: report.conflicts, tone: report.conflicts > 0 ? "tone-warn" : "" },
    { words: t("crm.import.bad"), n: report.bad_rows, tone: report.bad_rows > 0 ? "tone-bad" : "" },
  ];
  return (
    <>
      <dl class="webhook-facts imported">
        {counts.map(({ words, n, tone }) => (
          <div key={words}>
            <dt>{words}</dt>
            <dd class={tone}>{format.whole(n)}</dd>
          </div>
        ))}
      </dl>
      {report.bad.length > 0 && (
        <DataTable
          label={t("crm.import.bad")}
          rows={report.bad}
          keyOf={(row) => `${row.line} ${row.column}`}
          empty=""
          class="wrapping"
          columns={[
            { id: "line", head: t("crm.import.line"), cell: (row) => format.whole(row.line) },
            { id: "column", head: t("crm.import.column"), cell: (row) => row.column || format.NONE },
            { id: "problem", head: t("crm.import.problem"), cell: (row) => row.problem },
          ]}
        />
      )}
    </>
  );
}
