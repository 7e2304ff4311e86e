"""TensorFlow's ParameterServerStrategy (asynchronous), workers of one thread each: images per second, as a line of JSON.

    python tf_parameter_server.py --batch 256 --steps 40 --workers 2

A worker's share of the global batch is its step's batch; `steps` counts global batches.
"""
import argparse
import json
import multiprocessing
import os
import socket
import time

parser = argparse.ArgumentParser()
parser.add_argument('--batch', type=int, default=256, help='global')
parser.add_argument('--steps', type=int, default=40)
parser.add_argument('--warm', type=int, default=5, help='steps before those that are timed')
parser.add_argument('--workers', type=int, default=2)
options = parser.parse_args()
os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')


def serve(cluster, job, index):
    os.environ.update(TF_NUM_INTRAOP_THREADS='1', TF_NUM_INTEROP_THREADS='1')
    import tensorflow as tf

    config = tf.compat.v1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=2)
    tf.distribute.Server(cluster, job_name=job, task_index=index, protocol='grpc', config=config).join()


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(('127.0.0.1', 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def train(cluster):
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
        tf.train.ClusterSpec(cluster), rpc_layer='grpc', task_type='chief', task_id=0)
    strategy = tf.distribute.ParameterServerStrategy(resolver)
    coordinator = tf.distribute.coordinator.ClusterCoordinator(strategy)
    shapes = [(3, 3, 3, 32), (32,), (3, 3, 32, 32), (32,), (3, 3, 32, 64), (64,), (3, 3, 64, 64), (64,),
              (3, 3, 64, 128), (128,), (3, 3, 128, 128), (128,), (2048, 300), (300,), (300, 10), (10,)]
    with strategy.scope():
        weights = [tf.Variable(tf.random.normal(shape, stddev=0.05) if len(shape) > 1 else tf.zeros(shape)) for shape in shapes]
        first = [tf.Variable(tf.zeros(shape)) for shape in shapes]
        second = [tf.Variable(tf.zeros(shape)) for shape in shapes]
    assert sum(int(tf.size(weight)) for weight in weights) == 904_718
    share = options.batch // options.workers

    def dataset():
        images = tf.random.uniform((8 * share, 32, 32, 3))
        labels = tf.random.uniform((8 * share,), maxval=10, dtype=tf.int32)
        return tf.data.Dataset.from_tensor_slices((images, labels)).batch(share).repeat().prefetch(2)

    def loss_of(images, labels):
        x = images
        for layer in range(6):
            x = tf.nn.relu(tf.nn.conv2d(x, weights[2 * layer], 1, 'SAME') + weights[2 * layer + 1])
            if layer % 2 == 1:
                x = tf.nn.max_pool2d(x, 2, 2, 'VALID')
        x = tf.nn.dropout(tf.reshape(x, (-1, 2048)), 0.5)
        x = tf.nn.dropout(tf.nn.relu(x @ weights[12] + weights[13]), 0.3)
        return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x @ weights[14] + weights[15]))

    @tf.function
    def step(batches):
        images, labels = next(batches)
        with tf.GradientTape() as tape:
            loss = loss_of(images, labels)
        for weight, m, v, gradient in zip(weights, first, second, tape.gradient(loss, weights)):
            # Adam, without its correction of the first steps: the same work.
            m.assign(0.9 * m + 0.1 * gradient)
            v.assign(0.999 * v + 0.001 * tf.square(gradient))
            weight.assign_sub(0.001 * m / (tf.sqrt(v) + 1e-7))
        return loss

    batches = iter(coordinator.create_per_worker_dataset(dataset))

    def run(steps):
        for _ in range(steps * options.workers):
            coordinator.schedule(step, args=(batches,))
        coordinator.join()

    run(options.warm)
    start = time.perf_counter()
    run(options.steps)
    rate = options.batch * options.steps / (time.perf_counter() - start)
    print(json.dumps({'samplesPerSecond': rate, 'version': tf.__version__}), flush=True)


if __name__ == '__main__':
    multiprocessing.set_start_method('spawn')
    ports = free_ports(options.workers + 2)
    address = [f'127.0.0.1:{port}' for port in ports]
    cluster = {'worker': address[2:], 'ps': address[1:2], 'chief': address[:1]}
    servers = [multiprocessing.Process(target=serve, args=(cluster, 'worker', index)) for index in range(options.workers)]
    servers.append(multiprocessing.Process(target=serve, args=(cluster, 'ps', 0)))
    for server in servers:
        server.start()
    try:
        train(cluster)
    finally:
        for server in servers:
            server.kill()
    # The coordinator's threads wait for servers that are gone.
    os._exit(0)
