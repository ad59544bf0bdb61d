import type { ComponentChildren } from "preact";

import { t } from "../i18n";
import type { Loaded } from "./hooks";
import { Icon, type IconName } from "./icon";

export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean;
  expanded?: boolean;
  disabled?: boolean;
  class?: string;
}) {
  return (
    <button
      type="button"
      class={`icon-button ${props.class ?? ""}`}
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      aria-expanded={props.expanded}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

/** A few choices of which one holds. */
export function Segments<T extends string | number>(props: {
  label: string;
  options: { value: T; text: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.options.map(({ value, text }) => (
        <button key={value} type="button" aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}

export function Select<T extends string>(props: {
  label: string;
  options: { value: T; text: string }[];
  value: T;
  onChange: (value: T) => void;
}) {
  return (
    <label class="select">
      <span class="visually-hidden">{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value as T)}>
        {props.options.map(({ value, text }) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
      <Icon name="down" size={14} />
    </label>
  );
}

export function Search(props: { id: string; label: string; value: string; onChange: (value: string) => void }) {
  return (
    <label class="search">
      <Icon name="search" size={15} />
      <span class="visually-hidden">{props.label}</span>
      <input
        id={props.id}
        type="search"
        placeholder={props.label}
        autocomplete="off"
        spellcheck={false}
        value={props.value}
        onInput={(event) => props.onChange(event.currentTarget.value)}
      />
    </label>
  );
}

export function Card(props: {
  title: ComponentChildren;
  hint?: ComponentChildren;
  tools?: ComponentChildren;
  children: ComponentChildren;
  class?: string;
}) {
  return (
    <section class={`card ${props.class ?? ""}`}>
      <header class="card-head">
        <div>
          <h2>{props.title}</h2>
          {props.hint && <p class="hint">{props.hint}</p>}
        </div>
        {props.tools && <div class="card-tools">{props.tools}</div>}
      </header>
      {props.children}
    </section>
  );
}

/** What stands where figures will be: a shimmer, an error with a way out, or a word that there are none. */
export function Loading<T>(props: {
  loaded: Loaded<T>;
  /** Whether there are no figures; a string says why. */
  empty?: (data: T) => boolean | string;
  height?: string;
  children: (data: T) => ComponentChildren;
}) {
  const { data, failed, problem, busy, again } = props.loaded;
  const style = { minHeight: props.height ?? "12rem" };
  if (data === null) {
    if (failed && !busy)
      return (
        <div class="placeholder" style={style} role="alert">
          <Icon name="warning" size={22} />
          <p>{t("load.failed")}</p>
          {problem && <p class="hint">{problem}</p>}
          <button type="button" class="button" onClick={again}>
            {t("load.retry")}
          </button>
        </div>
      );
    return <div class="placeholder shimmer" style={style} role="status" aria-label={t("load.busy")} />;
  }
  const empty = props.empty?.(data);
  if (empty)
    return (
      <div class="placeholder" style={style}>
        <p>{empty === true ? t("load.empty") : empty}</p>
      </div>
    );
  return <>{props.children(data)}</>;
}
