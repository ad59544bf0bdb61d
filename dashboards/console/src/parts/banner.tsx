import { delay, hourMinute } from "../format";
import { t } from "../i18n";
import { history, link, receivedAt, retryNow, siteError } from "../state";
import { useClock } from "./hooks";
import { Icon } from "./icon";

/** Says that the gateway is out of reach, how old the figures are and when it is tried again. */
export function Banner() {
  const now = useClock(500);
  const state = link.value;
  const lost = siteError.value || state.state === "lost" || (state.state === "connecting" && receivedAt.value > 0);
  if (!lost) return null;
  const wait = state.state === "lost" ? Math.ceil((state.retry_at_ms - now.value) / 1000) : 0;
  return (
    <div class="banner" role="alert">
      <Icon name="offline" size={18} />
      <span>
        <b>{t("link.lost")}</b>
        {receivedAt.value > 0 && <> · {t("link.age", { age: delay(Math.max(now.value - receivedAt.value, 0)) })}</>}
        <> · {wait > 0 ? t("link.retry.in", { s: wait }) : t("link.retrying")}</>
      </span>
      <button type="button" class="button" onClick={retryNow}>
        {t("link.retry")}
      </button>
    </div>
  );
}

/** Says that the server of the history is away: what is live goes on, and the past comes back with it. */
export function HistoryBanner() {
  const away = history.value;
  if (!away?.problem) return null;
  return (
    <div class="banner banner-calm" role="status" title={away.problem}>
      <Icon name="stay" size={18} />
      <span>
        <b>{t("history.away")}</b>
        {away.waiting_since_ms !== null && <> · {t("history.since", { time: hourMinute(away.waiting_since_ms) })}</>}
        <> · {t("history.waits")}</>
      </span>
    </div>
  );
}
