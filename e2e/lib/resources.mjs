// What processes take: resident memory, sampled, and processor time.
import { readdirSync, readFileSync } from 'node:fs';

export function residentBytes(pid) {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(match[1]) * 1024;
}

const CLOCK_TICKS_PER_SECOND = 100;

/** Processor time that a process has taken so far, in user and kernel mode, in seconds. */
export function processorSeconds(pid) {
  const afterName = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1).split(' ');
  return (Number(afterName[11]) + Number(afterName[12])) / CLOCK_TICKS_PER_SECOND;
}

/** How many files and sockets a process has open. */
export const openFiles = (pid) => readdirSync(`/proc/${pid}/fd`).length;

/** How many bytes the kernel holds, received or to be sent, in connections that have one of these ports at either end. */
export function kernelBytes(ports) {
  let bytes = 0;
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(file, 'latin1').trim().split('\n').slice(1)) {
      const [, local, remote, , queues] = line.trim().split(/\s+/);
      if (![local, remote].some((address) => ports.includes(parseInt(address.split(':')[1], 16)))) continue;
      if (remote.endsWith(':0000')) continue; // a listener's queues count connections
      bytes += queues.split(':').reduce((sum, hex) => sum + parseInt(hex, 16), 0);
    }
  }
  return bytes;
}

/** Samples the resident memory of one process ten times a second, from its construction on. */
export class MemoryWatch {
  constructor(child) {
    this.name = child.name;
    this.baseline = residentBytes(child.pid);
    this.peak = this.baseline;
    this.timer = setInterval(() => {
      if (child.isAlive) this.peak = Math.max(this.peak, residentBytes(child.pid));
    }, 100);
  }

  get growth() {
    return this.peak - this.baseline;
  }

  stop() {
    clearInterval(this.timer);
  }
}
