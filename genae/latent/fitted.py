r"""Samplers fitted, after training, on the latents z of the training examples, which follow the aggregate posterior.

    Gaussian   N(m, C), C the covariance of z; with a condition those of z − E[z | c], E linear in c
    Mixture    Σ_k w_k N(m_k, diag s_k²), by expectation maximisation                  https://arxiv.org/abs/1903.12436
    FlowMatch… a normalising flow by maximum likelihood: genae/latent/priors.py

All are of continuous z, taken flat: (N, size).
"""
