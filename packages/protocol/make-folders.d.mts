/**
 * Makes a folder and those above it that are missing. Node's own recursion never ends where the system has no folders made, as
 * in /proc.
 * @param mode of the last one, if it is made here.
 * @throws the file system's error.
 */
export function makeFolders(path: string, mode?: number): void;
