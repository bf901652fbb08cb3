// A clip that goes round while it changes: another takes its place where it is, over a few hundredths of a second.

const FADE = 0.04, LOUD = 0.14, LEAST = 0.02, PEAK = 0.97; // seconds; root mean square of all clips; of those that are not raised further

export class Player {
  constructor() {
    this.playing = this.buffer = this.source = null;
    this.loop = true;
    this.volume = 0.8;
    this.onEnd = () => {};
  }

  // Browsers give sound only to who asked for it: called when a button is pressed.
  start() {
    if (!this.context) {
      this.context = new AudioContext();
      this.master = new GainNode(this.context, { gain: this.volume });
      this.meter = new AnalyserNode(this.context, { fftSize: 2048 });
      this.master.connect(this.meter).connect(this.context.destination);
    }
    return this.context.resume();
  }

  setVolume(volume) {
    this.volume = volume;
    this.master?.gain.setTargetAtTime(volume, this.context.currentTime, 0.02);
  }

  // A Blob to samples, and how much louder they must be to be as loud as others.
  async decoded(blob) {
    const context = this.context ?? new OfflineAudioContext(1, 1, 44100);
    const buffer = await context.decodeAudioData(await blob.arrayBuffer());
    let sum = 0, peak = 0;
    for (let channel = 0; channel < buffer.numberOfChannels; channel++)
      for (const sample of buffer.getChannelData(channel)) {
        sum += sample * sample;
        peak = Math.max(peak, Math.abs(sample));
      }
    const level = Math.sqrt(sum / (buffer.length * buffer.numberOfChannels || 1));
    return { buffer, gain: Math.min(LOUD / Math.max(level, LEAST), PEAK / Math.max(peak, 1e-3)) };
  }

  // The clip from now on: at the place where the one before it is, or, `after` it, from its beginning when that one ends.
  async load(blob, after = false) {
    const before = this.clip, clip = await this.decoded(blob);
    this.clip = clip;
    if (this.playing && after && this.source) this.change(0, this.began + before.buffer.duration);
    else if (this.playing) this.change(this.share());
    return clip.buffer;
  }

  async play() {
    await this.start();
    this.playing = true;
    this.change(0);
  }

  // Clips will come one after the other.
  async follow() {
    this.stop();
    this.setLoop(false);
    await this.start();
    this.playing = true;
  }

  stop() {
    this.playing = false;
    this.fadeOut();
  }

  setLoop(loop) {
    this.loop = loop;
    if (this.source) this.source.loop = loop;
  }

  // The clip at hand from that share of its length on, at once or at a time to come.
  change(share, when = 0) {
    if (!this.clip) return;
    const { buffer, gain } = this.clip, now = Math.max(when, this.context.currentTime);
    if (when) this.source.onended = null;
    else this.fadeOut();
    const fade = new GainNode(this.context, { gain: 0 });
    const source = new AudioBufferSourceNode(this.context, { buffer, loop: this.loop });
    source.connect(fade).connect(this.master);
    fade.gain.setValueAtTime(0, now);
    fade.gain.linearRampToValueAtTime(gain, now + (share ? FADE : 0.005));
    source.start(now, share * buffer.duration);
    Object.assign(this, { source, fade, began: now - share * buffer.duration });
    source.onended = () => { if (this.source === source && this.playing) this.ended(); };
  }

  ended() {
    this.source = null;
    this.playing = false;
    this.onEnd();
  }

  fadeOut() {
    if (!this.source) return;
    const now = this.context.currentTime;
    this.fade.gain.cancelScheduledValues(now);
    this.fade.gain.setTargetAtTime(0, now, FADE / 3);
    this.source.onended = null;
    this.source.stop(now + 2 * FADE);
    this.source = null;
  }

  // How much of the clip is over, 0 to 1.
  share() {
    if (!this.source) return 0;
    const length = this.clip.buffer.duration, over = (this.context.currentTime - this.began) / length;
    return this.loop ? over % 1 : Math.min(1, over);
  }

  // How loud it is now, 0 to 1.
  level() {
    if (!this.meter || !this.playing) return 0;
    const samples = new Float32Array(this.meter.fftSize);
    this.meter.getFloatTimeDomainData(samples);
    return Math.min(1, 2.5 * Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length));
  }
}
