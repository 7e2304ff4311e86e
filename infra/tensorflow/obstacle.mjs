/**
 * What keeps TensorFlow from being provisioned on this machine and can be told in one line that says what to change.
 * Every other error is a fault of ours and is not caught.
 */
export class Obstacle extends Error {
  name = 'Obstacle';
}

/** The obstacle in an error, or the error again when it is none: a full disk is an obstacle, a TypeError is not. */
export function asObstacle(error, doing) {
  if (error instanceof Obstacle) return error;
  switch (error?.code) {
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new Obstacle(
        `${doing}: cannot write ${error.path ?? 'there'}: set CONVOY_CACHE_DIR to a directory that can be written`,
        { cause: error },
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new Obstacle(`${doing}: the disk is full: free some, or set CONVOY_CACHE_DIR to a directory on another`, {
        cause: error,
      });
    default:
      throw error;
  }
}
