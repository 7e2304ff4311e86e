/**
 * Which TensorFlow Convoy runs on, and which of a Python wheel's files it needs. A wheel carries the whole C library that
 * `@tensorflow/tfjs-node` links against; nothing of Python is used, so one CPython tag does for every machine.
 */
export const TENSORFLOW_VERSION = '2.21.0';

/** The oldest C library the wheels run on: the `manylinux_2_27` of their name. */
export const OLDEST_GLIBC = '2.27';

const HEADERS = [
  'tensorflow/c/c_api.h',
  'tensorflow/c/c_api_macros.h',
  'tensorflow/c/tf_attrtype.h',
  'tensorflow/c/tf_buffer.h',
  'tensorflow/c/tf_datatype.h',
  'tensorflow/c/tf_status.h',
  'tensorflow/c/tf_tensor.h',
  'tensorflow/c/tf_tstring.h',
  'tensorflow/c/eager/c_api.h',
  'tensorflow/core/platform/ctstring.h',
  'tensorflow/core/platform/ctstring_internal.h',
  'tsl/platform/ctstring.h',
  'tsl/platform/ctstring_internal.h',
  'xla/tsl/c/tsl_status.h',
];

/** Shared objects by the name under which the addon is linked: `-ltensorflow` finds `libtensorflow.so`. */
export const LIBRARIES = {
  'libtensorflow.so': 'libtensorflow_cc.so.2',
  'libtensorflow_framework.so': 'libtensorflow_framework.so.2',
};

/** What is taken out of a wheel: its name there → its place in the cache. */
export const CONTENTS = new Map([
  ...Object.values(LIBRARIES).map((file) => /** @type {const} */ ([`tensorflow/${file}`, `lib/${file}`])),
  ...HEADERS.map((file) => /** @type {const} */ ([`tensorflow/include/${file}`, `include/${file}`])),
]);

/**
 * @typedef {object} Release
 * @property {string} requirement what pip is asked for
 * @property {string[]} platforms pip's platform tags
 * @property {string} wheel the name of the file that pip downloads, when known
 * @property {string} [sha256] of that file; absent where nobody has checked one yet
 * @property {number} [bytes] of that file
 */

/** @type {Record<string, Release>} */
export const RELEASES = {
  'linux-x64': {
    requirement: `tensorflow-cpu==${TENSORFLOW_VERSION}`,
    platforms: ['manylinux_2_27_x86_64'],
    wheel: `tensorflow_cpu-${TENSORFLOW_VERSION}-cp311-cp311-manylinux_2_27_x86_64.whl`,
    sha256: '2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c',
    bytes: 273_829_956,
  },
  // tensorflow-cpu has no aarch64 wheels; tensorflow has, without CUDA. Its digest has not been checked by us.
  'linux-arm64': {
    requirement: `tensorflow==${TENSORFLOW_VERSION}`,
    platforms: ['manylinux_2_27_aarch64', 'manylinux_2_17_aarch64', 'manylinux2014_aarch64'],
    wheel: `tensorflow-${TENSORFLOW_VERSION}-cp311-cp311-manylinux_2_27_aarch64.whl`,
  },
};
