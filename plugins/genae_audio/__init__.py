"""Sound for genae: files, spectrograms and waveforms."""
