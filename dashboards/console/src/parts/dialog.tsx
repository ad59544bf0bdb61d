import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { t } from "../i18n";
import { IconButton } from "./controls";
import { Field, Problem, useAction } from "./form";

/** A window over the page. Escape, its cross and a click beside it close it. */
export function Dialog(props: { title: string; open: boolean; onClose: () => void; class?: string; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    if (props.open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [props.open]);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${props.class ?? ""}`}
      aria-label={props.title}
      onClose={props.onClose}
      onClick={(event) => event.target === dialog.current && props.onClose()}
    >
      <header>
        <h2>{props.title}</h2>
        <IconButton icon="close" label={t("help.close")} onClick={props.onClose} />
      </header>
      {props.open && props.children}
    </dialog>
  );
}

/** What is asked before something that cannot be taken back. */
export interface Question {
  title: string;
  /** What will happen, a point each. */
  points: string[];
  go: string;
  /** What has to be typed first, for what destroys. */
  typed?: string;
  act: () => Promise<unknown>;
}

export function Confirm({ question, onClose }: { question: Question | null; onClose: () => void }) {
  return (
    <Dialog title={question?.title ?? ""} open={question !== null} onClose={onClose}>
      {question && <Asking question={question} onClose={onClose} />}
    </Dialog>
  );
}

function Asking({ question, onClose }: { question: Question; onClose: () => void }) {
  const [typed, setTyped] = useState("");
  const { run, busy, problem } = useAction();
  const ready = question.typed === undefined || typed.trim() === question.typed;
  return (
    <form
      class="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (ready) void run(question.act).then((done) => done && onClose());
      }}
    >
      <ul class="points">
        {question.points.map((point) => (
          <li key={point}>{point}</li>
        ))}
      </ul>
      {question.typed !== undefined && <Field label={t("confirm.type", { word: question.typed })} value={typed} onChange={setTyped} autofocus />}
      <Problem text={problem} />
      <footer>
        <button type="button" class="button" onClick={onClose}>
          {t("confirm.cancel")}
        </button>
        <button type="submit" class="button danger" disabled={!ready || busy}>
          {question.go}
        </button>
      </footer>
    </form>
  );
}
