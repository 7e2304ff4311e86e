"""PyTorch DistributedDataParallel over gloo, processes of one thread each: images per second of all, as a line of JSON.

    python torch_ddp.py --batch 256 --steps 40 --processes 2
"""
import argparse
import json
import os
import time

parser = argparse.ArgumentParser()
parser.add_argument('--batch', type=int, default=256, help='global')
parser.add_argument('--steps', type=int, default=40)
parser.add_argument('--warm', type=int, default=5, help='steps before those that are timed')
parser.add_argument('--processes', type=int, default=2)
options = parser.parse_args()


def lesson_cnn():
    from torch import nn

    def convolution(channels, filters):
        return [nn.Conv2d(channels, filters, 3, padding='same'), nn.ReLU()]

    return nn.Sequential(
        *convolution(3, 32), *convolution(32, 32), nn.MaxPool2d(2),
        *convolution(32, 64), *convolution(64, 64), nn.MaxPool2d(2),
        *convolution(64, 128), *convolution(128, 128), nn.MaxPool2d(2),
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(2048, 300), nn.ReLU(), nn.Dropout(0.3), nn.Linear(300, 10),
    )


def train(rank, port):
    os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
    import torch
    import torch.distributed as dist

    torch.set_num_threads(1)
    torch.manual_seed(1)
    dist.init_process_group('gloo', rank=rank, world_size=options.processes)
    model = torch.nn.parallel.DistributedDataParallel(lesson_cnn())
    assert sum(p.numel() for p in model.parameters()) == 904_718
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1e-7)
    loss_of = torch.nn.CrossEntropyLoss()
    share = options.batch // options.processes
    images = torch.rand(share * options.steps, 3, 32, 32)
    labels = torch.randint(0, 10, (len(images),))

    def run(steps):
        for step in range(steps):
            batch = slice(step * share, (step + 1) * share)
            optimizer.zero_grad()
            loss_of(model(images[batch]), labels[batch]).backward()
            optimizer.step()

    run(options.warm)
    dist.barrier()
    start = time.perf_counter()
    run(options.steps)
    dist.barrier()
    if rank == 0:
        rate = options.batch * options.steps / (time.perf_counter() - start)
        print(json.dumps({'samplesPerSecond': rate, 'version': torch.__version__}), flush=True)
    dist.destroy_process_group()


if __name__ == '__main__':
    import socket

    import torch.multiprocessing as multiprocessing

    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    multiprocessing.spawn(train, args=(port,), nprocs=options.processes)
