#!/usr/bin/env bash
# Hierarchical against flat decoders at equal steps and weights, at sizes for two cores: 16-bar melodies, then trios.
set -euo pipefail
out="${1:?a folder for the runs}"
small=(--set latent=64 --set network.encoder_width=160 --set network.encoder_layers=1 --set network.layers=2 --set batch=32
    --set optimiser=muon --set optimiser.largest=1024 --set optimiser.clip=1 --set schedule=cosine --set schedule.warmup=100 --set ema=0.99)
conductor=(--set network.conductor_width=128 --set network.conductor_layers=1)
genae train melody-16bar "${small[@]}" "${conductor[@]}" --set network.width=160 --steps 800 --out "$out/melody"
genae train melody-16bar-flat "${small[@]}" --set network.width=192 --steps 800 --out "$out/melody-flat"
trio=("${small[@]}" --set objective.beta=0.2 --set objective.free_bits=256 --steps 500)
genae train trio-16bar "${trio[@]}" "${conductor[@]}" --set network.width=112 --out "$out/trio"
genae train trio-16bar-flat "${trio[@]}" --set network.width=245 --out "$out/trio-flat"
for run in melody melody-flat trio trio-flat; do genae evaluate "$out/$run" --samples 1 --limit 300; done
