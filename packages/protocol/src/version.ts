/** Of this program: one version for every package of the workspace. */
export const VERSION = '0.2.0';
