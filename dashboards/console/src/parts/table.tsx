import type { ComponentChildren } from "preact";
import { useMemo, useState } from "preact/hooks";

import { Icon } from "./icon";

export interface Column<Row> {
  id: string;
  head: ComponentChildren;
  cell: (row: Row) => ComponentChildren;
  /** By what it is sorted; left out where that makes no sense. Missing values come last either way. */
  by?: (row: Row) => string | number | null;
  number?: boolean;
  title?: (row: Row) => string | undefined;
}

export type Sort = { column: string; down: boolean };

/** A table that can be sorted by its heads and scrolls sideways in itself. The first column names the row. */
export function DataTable<Row>(props: {
  label: string;
  columns: Column<Row>[];
  rows: Row[];
  keyOf: (row: Row) => string | number;
  /** How it is sorted at first. */
  sort?: Sort;
  /** Called with how it is sorted now, by who needs the rows in that order, too. */
  onSort?: (sort: Sort) => void;
  empty: ComponentChildren;
  class?: string;
  rowClass?: (row: Row) => string;
}) {
  const { columns, rows, keyOf } = props;
  const [sort, setSort] = useState<Sort | null>(props.sort ?? null);
  const sorted = useMemo(() => sortedBy(columns, rows, sort), [rows, sort, columns]);
  const choose = (next: Sort) => {
    setSort(next);
    props.onSort?.(next);
  };
  if (rows.length === 0) return <p class="empty">{props.empty}</p>;
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={props.label}>
      <table class={props.class}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Head key={column.id} column={column} sort={sort} onSort={choose} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr key={keyOf(row)} class={props.rowClass?.(row)}>
              {columns.map((column, i) =>
                i === 0 ? (
                  <th key={column.id} scope="row">
                    {column.cell(row)}
                  </th>
                ) : (
                  <td key={column.id} class={column.number ? "number" : ""} title={column.title?.(row)}>
                    {column.cell(row)}
                  </td>
                ),
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head<Row>({ column, sort, onSort }: { column: Column<Row>; sort: Sort | null; onSort: (sort: Sort) => void }) {
  const mine = sort?.column === column.id ? sort : null;
  const classes = column.number ? "number" : "";
  if (!column.by)
    return (
      <th scope="col" class={classes}>
        {column.head}
      </th>
    );
  return (
    <th scope="col" class={classes} aria-sort={mine ? (mine.down ? "descending" : "ascending") : "none"}>
      <button type="button" onClick={() => onSort({ column: column.id, down: mine ? !mine.down : Boolean(column.number) })}>
        {column.head}
        <span class="sort-mark">{mine && <Icon name={mine.down ? "down" : "up"} size={12} />}</span>
      </button>
    </th>
  );
}

/** The rows in the order of a sorted table. */
export function sortedBy<Row>(columns: Column<Row>[], rows: Row[], sort: Sort | null): Row[] {
  const by = columns.find((column) => column.id === sort?.column)?.by;
  return by && sort ? [...rows].sort(comparing(by, sort.down)) : rows;
}

function comparing<Row>(by: (row: Row) => string | number | null, down: boolean): (a: Row, b: Row) => number {
  return (a, b) => {
    const [x, y] = [by(a), by(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    const order = typeof x === "string" || typeof y === "string" ? String(x).localeCompare(String(y)) : x - y;
    return down ? -order : order;
  };
}
