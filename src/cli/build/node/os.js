// Node.js's `os`: what a handler may ask of the machine, which is not the edge's.
const memory = () => Number(process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE ?? 128) * 2 ** 20;

export const EOL = '\n';
export const devNull = '/dev/null';
export const tmpdir = () => process.env.TMPDIR ?? '/tmp';
export const homedir = () => process.env.HOME ?? '/root';
export const hostname = () => 'localhost';
export const platform = () => 'linux';
export const type = () => 'Linux';
export const arch = () => 'x64';
export const machine = () => 'x86_64';
export const release = () => '5.10.0';
export const endianness = () => 'LE';
export const uptime = () => process.uptime();
export const totalmem = memory;
export const freemem = memory;
export const loadavg = () => [0, 0, 0];
export const cpus = () => [{ model: '', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }];
export const availableParallelism = () => 1;
export const networkInterfaces = () => ({});
export const userInfo = () => ({ uid: 0, gid: 0, username: 'root', homedir: homedir(), shell: null });
export default {
  EOL, devNull, tmpdir, homedir, hostname, platform, type, arch, machine, release, endianness, uptime, totalmem, freemem, loadavg, cpus,
  availableParallelism, networkInterfaces, userInfo,
};
