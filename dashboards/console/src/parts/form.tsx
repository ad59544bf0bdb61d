import type { ComponentChildren } from "preact";
import { useId, useState } from "preact/hooks";

import { GatewayError } from "../api/client";
import { refused } from "../crm";
import { t } from "../i18n";
import { needsLogin } from "../state";
import { Icon } from "./icon";

export function Field(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  hint?: string;
  type?: "text" | "url" | "password";
  required?: boolean;
  autofocus?: boolean;
  placeholder?: string;
  /** What has been typed before and may be meant again. */
  choices?: string[];
}) {
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type={props.type ?? "text"}
        value={props.value}
        required={props.required}
        autofocus={props.autofocus}
        placeholder={props.placeholder}
        autocomplete={props.type === "password" ? "current-password" : "off"}
        spellcheck={false}
        list={props.choices ? `${id}-choices` : undefined}
        aria-describedby={props.hint ? `${id}-hint` : undefined}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
      {props.choices && (
        <datalist id={`${id}-choices`}>
          {props.choices.map((choice) => (
            <option key={choice} value={choice} />
          ))}
        </datalist>
      )}
      {props.hint && (
        <small id={`${id}-hint`} class="hint">
          {props.hint}
        </small>
      )}
    </div>
  );
}

export function Choice<T extends string>(props: {
  label: string;
  value: T;
  onChange: (value: T) => void;
  options: { value: T; text: string }[];
}) {
  return (
    <label class="field">
      <span>{props.label}</span>
      <span class="select">
        <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value as T)}>
          {props.options.map(({ value, text }) => (
            <option key={value} value={value}>
              {text}
            </option>
          ))}
        </select>
        <Icon name="down" size={14} />
      </span>
    </label>
  );
}

/** Several of a list, chosen one after the other; those chosen can be taken out again. */
export function Several(props: {
  label: string;
  hint?: string;
  any: string;
  options: { value: string; text: string }[];
  value: string[];
  onChange: (value: string[]) => void;
}) {
  const left = props.options.filter(({ value }) => !props.value.includes(value));
  return (
    <div class="field">
      <Choice
        label={props.label}
        value=""
        onChange={(value) => value && props.onChange([...props.value, value])}
        options={[{ value: "", text: props.any }, ...left]}
      />
      {props.value.length > 0 && (
        <span class="tags">
          {props.value.map((value) => {
            const text = props.options.find((option) => option.value === value)?.text ?? value;
            return <Removable key={value} text={text} onRemove={() => props.onChange(props.value.filter((each) => each !== value))} />;
          })}
        </span>
      )}
      {props.hint && <small class="hint">{props.hint}</small>}
    </div>
  );
}

export function Removable({ text, onRemove }: { text: string; onRemove: () => void }) {
  return (
    <span class="tag tag-removable">
      {text}
      <button type="button" aria-label={t("remove", { what: text })} title={t("remove", { what: text })} onClick={onRemove}>
        <Icon name="close" size={11} />
      </button>
    </span>
  );
}

export function Problem({ text }: { text: ComponentChildren }) {
  return (
    <p class="problem" role="alert">
      {text}
    </p>
  );
}

/** Do something that the gateway may refuse: `run` says whether it was done, `problem` why not. */
export function useAction(): { run: (act: () => Promise<unknown>) => Promise<boolean>; busy: boolean; problem: string } {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const run = async (act: () => Promise<unknown>) => {
    setBusy(true);
    setProblem("");
    try {
      await act();
      return true;
    } catch (error) {
      if (!needsLogin(error) && !refused(error)) setProblem(explained(error));
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { run, busy, problem };
}

function explained(error: unknown): string {
  if (!(error instanceof GatewayError)) return t("action.failed");
  if (error.status === null) return t("action.unreachable");
  return error.detail ?? t("action.failed");
}
