"""Other ways to run the same trials, for comparison: a plain loop in PyTorch, and JAX.

All run SGD on the binary logistic loss of one hard AAT head, in float64, from w_0 = 0, where all votes tie.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from aat import InputError
from sim.problems import Logistic

# Above so many comparisons a step, XLA takes minutes to compile the unrolled network.
_UNROLLED = 512


def plain_loss(problem: Logistic, w: Tensor, index: Tensor | int) -> Tensor:
    """The loss as anybody would write it; torch.topk breaks ties as it likes."""
    score = (w * problem.x[index]).topk(problem.k).values.sum(-1)
    return torch.nn.functional.softplus(-problem.y[index] * score)


def torch_loop(problem: Logistic, eta: float, drawn: Int[Tensor, " steps"]) -> Float[Tensor, " n"]:
    """One trial, step by step, gradients by autograd."""
    w = problem.w0.clone()
    for index in drawn.tolist():
        w.requires_grad_()
        (gradient,) = torch.autograd.grad(plain_loss(problem, w, index), w)
        w = w.detach() - eta * gradient
    return w


def torch_record(problem: Logistic, w: Float[Tensor, " n"]) -> tuple[float, float]:
    """F(w) and ‖∇F(w)‖ of one trial, all samples at once."""
    w = w.detach().requires_grad_()
    value = plain_loss(problem, w, torch.arange(problem.samples)).mean()
    (gradient,) = torch.autograd.grad(value, w)
    return value.item(), gradient.norm().item()


def load_jax(devices: int) -> Any:
    """JAX with so many CPU devices, in float64; InputError if it is not installed.

    Must be called before JAX computes anything: XLA reads the number of devices once.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    flag = f"--xla_force_host_platform_device_count={devices}"
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}".strip()
    try:
        import jax
    except ImportError:
        raise InputError("JAX is not installed; expected it beside; try pip install 'aat-sgd[bench]'") from None
    jax.config.update("jax_enable_x64", True)
    return jax


def jax_peers(jax: Any, problem: Logistic, eta: float) -> dict[str, Callable[[Any], Any]]:
    """Functions from samples (steps, trials), an array on the devices, to last iterates (trials, n), by name.

    ``top_k`` is the straightforward jit(scan(vmap)); it orders −0 before +0, so that votes of a weight 0 do not tie as
    they do elsewhere. The two others keep the lowest units of a tie by construction,
    with trials as the last axis, so that XLA makes vector instructions of them: the network inserts votes into the
    sorted K largest, as the lane engine does; the rounds take K masked maxima.
    """
    jnp, lax = jax.numpy, jax.lax
    x, y, k, n = jnp.asarray(problem.x.numpy()), jnp.asarray(problem.y.numpy()), problem.k, problem.features

    def loss(w: Any, index: Any) -> Any:
        return jax.nn.softplus(-y[index] * lax.top_k(w * x[index], k)[0].sum())

    step = jax.vmap(jax.grad(loss))

    def by_top_k(drawn: Any) -> Any:
        start = jnp.zeros((drawn.shape[1], n))
        return lax.scan(lambda w, index: (w - eta * step(w, index), None), start, drawn)[0]

    def abreast(threshold: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], Any]:
        def move(w: Any, index: Any) -> tuple[Any, None]:
            here, label = x.T[:, index], y[index]
            votes = w * here
            tau, score = threshold(votes)
            above, ties = votes > tau, votes == tau
            room = k - above.sum(0)
            kept = above | (ties & (jnp.cumsum(ties, 0) <= room))
            return w + eta * jnp.where(kept, label * jax.nn.sigmoid(-label * score) * here, 0.0), None

        return lambda drawn: lax.scan(move, jnp.zeros((n, drawn.shape[1])), drawn)[0].T

    def network(votes: Any) -> tuple[Any, Any]:
        top = [jnp.full(votes.shape[1:], -jnp.inf)] * k
        for unit in range(n):
            vote = votes[unit]
            for place in range(k):
                top[place], vote = jnp.maximum(top[place], vote), jnp.minimum(top[place], vote)
        return top[-1], sum(top)

    def rounds(votes: Any) -> tuple[Any, Any]:
        tau, count, score = jnp.full(votes.shape[1:], jnp.inf), 0, 0.0
        for _ in range(k):
            smaller = jnp.where(votes < tau, votes, -jnp.inf).max(0)
            tau = jnp.where(count < k, smaller, tau)
            taken = jnp.minimum((votes >= tau).sum(0), k)
            score, count = score + jnp.where(taken > count, (taken - count) * tau, 0.0), taken
        return tau, score

    peers = {"JAX top_k": by_top_k, "JAX tie-safe, rounds": abreast(rounds)}
    if n * k <= _UNROLLED:
        peers["JAX tie-safe, network"] = abreast(network)
    return {name: jax.jit(peer) for name, peer in peers.items()}


def shared_out(jax: Any, drawn: Int[Tensor, "steps trials"]) -> Any:
    """The samples on all devices, an equal part of the trials on each; InputError if they cannot be."""
    devices = jax.devices()
    if drawn.shape[1] % len(devices):
        raise InputError(f"{drawn.shape[1]} trials on {len(devices)} devices; expected a multiple")
    mesh = jax.sharding.Mesh(devices, ("trials",))
    place = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(None, "trials"))
    return jax.device_put(drawn.int().numpy(), place)
