// Numbers as people read them. Pure functions.

/** 1234567 -> "1,234,567". */
export function formatCount(value: number | bigint): string {
  return value.toLocaleString("en-US");
}

/** 1536 -> "1.5 KiB". */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** Seconds as "42 s", "3 min 05 s" or "1 h 02 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  return `${Math.floor(whole / 3600)} h ${String(Math.floor((whole % 3600) / 60)).padStart(2, "0")} min`;
}

/** "512MiB", "2GiB", "1g", "1.5 GB" or bytes; units are of 1024. Undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const [, digits = "", unit = ""] = match;
  return Math.round(Number(digits) * 1024 ** ("kmgt".indexOf(unit.toLowerCase()) + (unit === "" ? 0 : 1)));
}

/** 3 of 8 -> "37.5 %"; less than a tenth of a percent, and not nothing, is "< 0.1 %". */
export function formatShare(part: number, whole: number): string {
  if (whole === 0) return "";
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.1) return "< 0.1 %";
  // What is not all is not 100 %.
  return `${part < whole ? Math.min(percent, 99.9).toFixed(1) : percent.toFixed(1)} %`;
}
