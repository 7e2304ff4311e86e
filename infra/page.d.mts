// The types of page.mjs, which is JavaScript because the package has another in its place.
export function pageFiles(): Promise<Record<string, Uint8Array>>;
