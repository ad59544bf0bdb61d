import { named } from "../i18n";
import { goTo, selectZone, zoneById } from "../state";

/** A zone by its name, which shows it on the map. */
export function ZoneLink({ zone }: { zone: string }) {
  const place = zoneById(zone);
  if (!place) return <span>{zone}</span>;
  return (
    <button
      type="button"
      class="link-button"
      onClick={() => {
        selectZone(zone);
        goTo("live");
      }}
    >
      {named(place.zone.name)}
    </button>
  );
}

export function zoneName(zone: string): string {
  const place = zoneById(zone);
  return place ? named(place.zone.name) : zone;
}
