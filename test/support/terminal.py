"""Runs a command in a terminal of its own: terminal.py ROWS COLUMNS COMMAND…

What the terminal shows goes to stdout as it is. Each line of stdin is an order: "size ROWS COLUMNS", "key BYTE". Ends with the
command's exit code.
"""
import fcntl, os, pty, select, struct, sys, termios


def set_size(fd, rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


rows, columns = int(sys.argv[1]), int(sys.argv[2])
master, slave = pty.openpty()
set_size(master, rows, columns)
pid = os.fork()
if pid == 0:
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(slave, fd)
    os.close(master)
    os.execvp(sys.argv[3], sys.argv[3:])
os.close(slave)

orders = b""
watched = [master, 0]
while True:
    ready, _, _ = select.select(watched, [], [])
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            watched.remove(0)
        orders += data
        while b"\n" in orders:
            order, orders = orders.split(b"\n", 1)
            name, *values = order.split()
            if name == b"size":
                set_size(master, int(values[0]), int(values[1]))
            else:
                os.write(master, bytes([int(values[0])]))
_, status = os.waitpid(pid, 0)
sys.exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
