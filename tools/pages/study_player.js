// A small synthesizer: one oscillator a note, with a few harmonics and the envelope of a struck
// string. All notes of a performance are scheduled at once, by the clock of the sound card.
const Player = (() => {
  const kLead = 0.08, kRelease = 0.12;
  let sound = null;    // AudioContext, made when first needed: browsers want a touch before it
  let current = null;  // what is being played

  const hz = (pitch) => 440 * 2 ** ((pitch - 69) / 12);
  const wave = () => {
    const real = new Float32Array([0, 0, 0, 0, 0, 0, 0]);
    const imag = new Float32Array([0, 1, 0.42, 0.22, 0.1, 0.06, 0.03]);
    return sound.createPeriodicWave(real, imag);
  };

  const strike = (note, at, out, timbre) => {
    const length = note.end - note.start, level = 0.11 * (note.velocity / 80) ** 1.5;
    const voice = sound.createOscillator(), gain = sound.createGain();
    voice.setPeriodicWave(timbre);
    voice.frequency.setValueAtTime(hz(note.pitch), at);
    // Low strings ring longer.
    const ring = 1.6 * 2 ** ((60 - note.pitch) / 24);
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(level, at + 0.006);
    gain.gain.setTargetAtTime(level * 0.15, at + 0.006, ring / 2);
    gain.gain.setTargetAtTime(0, at + length, kRelease / 4);
    voice.connect(gain);
    gain.connect(out);
    voice.start(at);
    voice.stop(at + length + kRelease);
  };

  const stop = () => {
    if (!current) return;
    const { out, done } = current;
    current = null;
    out.disconnect();
    done();
  };

  // notes: {start, end, pitch, velocity} in seconds. Plays those that begin at `from` or later.
  const play = (notes, from, length, done) => {
    stop();
    sound = sound || new AudioContext();
    if (sound.state === "suspended") sound.resume();
    const out = sound.createDynamicsCompressor();
    out.connect(sound.destination);
    const timbre = wave(), begin = sound.currentTime + kLead - from;
    for (const note of notes) if (note.start >= from) strike(note, begin + note.start, out, timbre);
    current = { out, begin, length, done };
  };

  // Seconds since the begin of the performance, or null where nothing plays.
  const time = () => {
    if (!current) return null;
    const t = sound.currentTime - current.begin;
    if (t > current.length + kRelease) {
      stop();
      return null;
    }
    return t;
  };
  return { play, stop, time };
})();
