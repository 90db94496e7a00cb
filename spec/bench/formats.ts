// How figures are written.

export const microseconds = (value: number): string => value.toFixed(value < 100 ? 1 : 0);
export const cpuSeconds = (value: number): string => value.toFixed(value < 1 ? 3 : 2);
export const ratio = (value: number): string => value.toFixed(2);
export const percent = (value: number): string => `${Math.round(value * 100)} %`;
export const whole = (value: number): string => String(Math.round(value));
export const seconds = (value: number): string => value.toFixed(2);
export const megabytes = (value: number): string => (value / 1e6).toFixed(0);
export const mebibytes = (value: number): string => (value / 2 ** 20).toFixed(1);

export function rate(value: number): string {
  if (value >= 1e6) return `${(value / 1e6).toFixed(2)} M`;
  if (value >= 1e3) return `${(value / 1e3).toFixed(1)} k`;
  return value.toFixed(0);
}
