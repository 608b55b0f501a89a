"""What batch norm sends between processes: one collective in the forward pass, one in the backward."""

import torch
import torch.distributed as dist

from bnlib.torch.channels import pool


def pool_over_processes(count, mean, var, group):
    """Merge the (), (C,), (C,) statistics of all processes of a group.

    Not by sums of x and x squared, whose difference would cancel where the mean is large.
    """
    row = torch.cat([count[None], mean, var])
    rows = row.new_empty(dist.get_world_size(group), row.numel())
    dist.all_gather(list(rows), row, group=group)
    return pool(rows[:, 0], *rows[:, 1:].chunk(2, dim=1))


def sum_over_processes(vectors, group):
    """The sum of each (C,) vector over all processes of a group."""
    packed = torch.cat(list(vectors))
    dist.all_reduce(packed, group=group)
    return packed.chunk(len(vectors))
