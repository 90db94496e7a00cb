// The table over which every spec of behaviour runs.

/** Pollers that can run on this machine. Under `.ci/run` the native one must be among them. */
export const pollers = ['epoll', 'net'] as const;

export type PollerUnderTest = (typeof pollers)[number];

/** Describes a property for each poller; `only` names those that can have it, with the reason in the title. */
export function overPollers(
  title: string,
  suite: (poller: PollerUnderTest) => void,
  only: readonly PollerUnderTest[] = pollers,
): void {
  for (const poller of only) describe(`${title} (${poller})`, () => suite(poller));
}
