/*
 * Node's tls over memory as an end-point:
 *   wire_node.js client URL FROM CERT KEY TRUST    runs one handshake, says "exported HEX"
 *   wire_node.js server CERT KEY TRUST             says "listening URL", answers M1 and M3, says "exported HEX" for each key
 * HEX are the 48 octets of the exporter of TS-0003 10.3.1.
 */
'use strict';
const fs = require('fs');
const http = require('http');
const tls = require('tls');
const { Duplex } = require('stream');

/* A stream whose other end is this program: what TLS writes is collected, what came is pushed. */
class Memory extends Duplex {
    constructor() {
        super();
        this.out = [];
    }

    _read() {}

    _write(chunk, encoding, done) {
        this.out.push(chunk);
        done();
    }

    /* The flight that answers what was pushed: all that is written until nothing more comes for a few turns. */
    async flight() {
        for (let idle = 0; idle < 1000 && !this.destroyed; idle++) {
            await new Promise((resolve) => setTimeout(resolve, 2));
            if (this.out.length && idle >= 10)
                break;
        }
        return Buffer.concat(this.out.splice(0));
    }
}

function options(cert, key, trust) {
    return {
        cert: fs.readFileSync(cert), key: fs.readFileSync(key), ca: fs.readFileSync(trust),
        minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256', ecdhCurve: 'prime256v1',
    };
}

function sayExported(socket) {
    console.log('exported ' + socket.exportKeyingMaterial(48, 'EXPORTER-oneM2M-ESCertKE').toString('hex'));
}

const wrap = (message) => JSON.stringify({ 'm2m:seci': { sit: 6, eckm: message.toString('base64') } });
const unwrap = (text) => Buffer.from(JSON.parse(text)['m2m:seci'].eckm, 'base64');

let number = 0;

function notify(url, from, message) {
    const id = 'n' + ++number;
    return new Promise((resolve, reject) => {
        const headers = { 'X-M2M-Origin': from, 'X-M2M-RI': id, 'X-M2M-RVI': '3', 'Content-Type': 'application/json' };
        const req = http.request(url, { method: 'POST', headers }, (res) => {
            let text = '';
            res.on('data', (chunk) => { text += chunk; });
            res.on('end', () => {
                if (res.headers['x-m2m-rsc'] !== '2000' || res.headers['x-m2m-ri'] !== id)
                    reject(new Error(`${res.statusCode} ${JSON.stringify(res.headers)} ${text}`));
                else
                    resolve(unwrap(text));
            });
        });
        req.on('error', reject);
        req.end(wrap(message));
    });
}

async function client(url, from, cert, key, trust) {
    const memory = new Memory();
    /* The name constraints of the CA speak of URIs without a scheme, which node's TLS cannot judge: it is not asked to. */
    const socket = tls.connect({ socket: memory, rejectUnauthorized: false, ...options(cert, key, trust) });
    const secure = new Promise((resolve, reject) => {
        socket.on('secureConnect', resolve);
        socket.on('error', reject);
    });
    memory.push(await notify(url, from, await memory.flight()));
    memory.push(await notify(url, from, await memory.flight()));
    await secure;
    sayExported(socket);
    socket.destroy();
}

function server(cert, key, trust) {
    const runs = new Map();
    const listener = http.createServer((req, res) => {
        const chunks = [];
        req.on('data', (chunk) => chunks.push(chunk));
        req.on('end', async () => {
            const from = req.headers['x-m2m-origin'], message = unwrap(Buffer.concat(chunks).toString());
            let run = runs.get(from);
            if (!run) {
                run = { memory: new Memory() };
                runs.set(from, run);
                run.socket = new tls.TLSSocket(run.memory, {
                    isServer: true, requestCert: true, rejectUnauthorized: false,
                    secureContext: tls.createSecureContext(options(cert, key, trust)), secureOptions: 1 << 14 /* no ticket */,
                });
                run.socket.on('secure', () => { run.secure = true; });
                run.socket.on('error', (error) => console.error(String(error)));
            }
            run.memory.push(message);
            const reply = wrap(await run.memory.flight());
            if (run.secure) {
                sayExported(run.socket);
                runs.delete(from);
            }
            res.writeHead(200, { 'X-M2M-RSC': '2000', 'X-M2M-RI': req.headers['x-m2m-ri'], 'X-M2M-RVI': '3',
                                 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(reply) });
            res.end(reply);
        });
    });
    listener.listen(0, '127.0.0.1', () => console.log(`listening http://127.0.0.1:${listener.address().port}/notify`));
}

const [role, ...args] = process.argv.slice(2);
if (role === 'client')
    client(...args).catch((error) => { console.error(String(error)); process.exit(1); });
else
    server(...args);
