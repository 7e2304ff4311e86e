/** Where a coordinator listens unless it is told otherwise. */
export const DEFAULT_PORT = 7311;
