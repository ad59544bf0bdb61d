import { language } from "./settings";
import { nowMs, site } from "./state";
import { DAY_MS } from "./time";

const LOCALES = { en: "en-GB", zh: "zh-CN" };
const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

function locale(): string {
  return LOCALES[language.value];
}

function decimal(value: number, options: Intl.NumberFormatOptions): string {
  const key = `${locale()} ${JSON.stringify(options)}`;
  let format = numbers.get(key);
  if (!format) numbers.set(key, (format = new Intl.NumberFormat(locale(), options)));
  return format.format(value);
}

function date(t_ms: number, options: Intl.DateTimeFormatOptions): string {
  const timeZone = site.value?.mall.timezone ?? "UTC";
  const key = `${locale()} ${timeZone} ${JSON.stringify(options)}`;
  let format = dates.get(key);
  if (!format) dates.set(key, (format = new Intl.DateTimeFormat(locale(), { ...options, timeZone, hourCycle: "h23" })));
  return format.format(t_ms);
}

export const NONE = "–";

/** A whole number; a dash where there is none. */
export function whole(value: number | null | undefined): string {
  return value === null || value === undefined ? NONE : decimal(value, { maximumFractionDigits: 0 });
}

export function short(value: number): string {
  return decimal(value, { maximumSignificantDigits: 2 });
}

export function percent(share: number): string {
  return decimal(share, { style: "percent", maximumFractionDigits: 0 });
}

/** A share for tables of figures, where tenths of a percent differ. */
export function finePercent(share: number): string {
  const digits = share < 1 ? 1 : 0;
  return decimal(share, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** From here on hundredths of a currency say nothing. */
const MUCH = 1000;

function currency(): Intl.NumberFormatOptions {
  return { style: "currency", currency: site.value?.crm?.currency ?? "CNY", currencyDisplay: "narrowSymbol" };
}

/** An amount in the CRM's currency. */
export function money(value: number): string {
  return decimal(value, { ...currency(), ...(Math.abs(value) < MUCH ? { trailingZeroDisplay: "stripIfInteger" } : { maximumFractionDigits: 0 }) });
}

/** The same of a whole number of its smallest unit. */
export function smallMoney(amount: number): string {
  const digits = new Intl.NumberFormat("en", currency()).resolvedOptions().maximumFractionDigits ?? 2;
  return money(amount / 10 ** digits);
}

/** A count of people, or "<k" where it was withheld. */
export function people(value: number | null | undefined, suppressed = false): string {
  return suppressed ? `<${site.value?.k ?? ""}` : whole(value);
}

export function clock(t_ms: number): string {
  return date(t_ms, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
}

export function hourMinute(t_ms: number): string {
  return date(t_ms, { hour: "2-digit", minute: "2-digit" });
}

export function day(t_ms: number): string {
  return date(t_ms, { weekday: "short", day: "numeric", month: "short" });
}

/** Day and time of day, for what may be long ago. */
export function moment(t_ms: number | null | undefined): string {
  if (t_ms === null || t_ms === undefined) return NONE;
  const old = Math.abs((nowMs.value ?? Date.now()) - t_ms) > 300 * DAY_MS;
  return date(t_ms, { ...(old ? { year: "numeric" } : {}), day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

const UNITS = { en: { h: " h", min: " min", s: " s" }, zh: { h: " 小时", min: " 分", s: " 秒" } };

/** A length of time in the one or two units that matter: 42 s, 8 min, 1 h 05 min. */
export function duration(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined) return NONE;
  const unit = UNITS[language.value];
  if (seconds < 59.5) return `${Math.round(seconds)}${unit.s}`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes}${unit.min}`;
  const rest = minutes % 60;
  return `${Math.floor(minutes / 60)}${unit.h} ${String(rest).padStart(2, "0")}${unit.min}`;
}

/** A delay: tenths of seconds matter below ten. */
export function delay(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 0) return delay(0); // a node's clock may be ahead by a little
  const unit = UNITS[language.value];
  if (ms < 10_000) return `${decimal(ms / 1000, { minimumFractionDigits: 1, maximumFractionDigits: 1 })}${unit.s}`;
  return duration(ms / 1000);
}
