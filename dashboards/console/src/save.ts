/** Offer a text as a file. */
export function save(name: string, type: string, text: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The same as a table: RFC 4180, with the mark that spreadsheets know UTF-8 by. */
export function saveTable(name: string, head: string[], lines: (string | number | null)[][]): void {
  const quoted = (value: string | number | null) => `"${String(value ?? "").replaceAll('"', '""')}"`;
  const text = [head, ...lines].map((line) => line.map(quoted).join(",")).join("\r\n");
  save(name, "text/csv", `\ufeff${text}`);
}
