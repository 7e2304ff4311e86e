import { launchEnvironment } from '@convoy/infra/launch';

/** Keeps TensorFlow from greeting at length on stderr when it loads in this process, unless the environment wants it to. */
export function quietTensorflow(): void {
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= launchEnvironment({})['TF_CPP_MIN_LOG_LEVEL'];
}
