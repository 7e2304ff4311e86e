/** What a trained model can be exported as, see docs/export.md. */
export const EXPORT_FORMATS = ['layers-model', 'safetensors', 'keras'] as const;
export type ExportFormat = (typeof EXPORT_FORMATS)[number];

/** How the names of a format's exports end, the usual one first; null where the export is a folder, of any name. */
export const EXPORT_ENDINGS: Readonly<Record<ExportFormat, readonly [string, ...string[]] | null>> = {
  'layers-model': null,
  safetensors: ['.safetensors'],
  keras: ['.keras', '.weights.h5'],
};
