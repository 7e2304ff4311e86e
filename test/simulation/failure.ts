/** A training that broke a promise. */
export class SimulationFailure extends Error {
  override readonly name = 'SimulationFailure';
}

/** @throws SimulationFailure with the message, if the promise is broken. */
export function promise(holds: boolean, message: () => string): asserts holds {
  if (!holds) throw new SimulationFailure(message());
}
