/** This program's version, which is the package's. */
export const VERSION = '0.2.0';
