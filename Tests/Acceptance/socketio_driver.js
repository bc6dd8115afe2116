// The official JavaScript clients of Socket.IO under Node, as many as are asked for.
//
//     node socketio_driver.js path/to/socket.io.min.js
//
// Each line of standard input is a call, [client, "connect", url, options] first. Each line of standard output is
// something that a client saw: [client, "event", name, ...arguments], and others with a name of their own.

"use strict";

const path = require("node:path");
const readline = require("node:readline");

// The bundle is made for browsers, and expects what they have.
globalThis.XMLHttpRequest = require("./xml_http_request.js").XMLHttpRequest;
globalThis.WebSocket ??= require("ws");
const io = require(path.resolve(process.argv[2]));

const sockets = new Map();

function connect(client, url, options) {
    const tell = (...what) => process.stdout.write(JSON.stringify([client, ...what]) + "\n");
    // Without `forceNew`, clients of one address would share a connection.
    const socket = io(url, { path: "/socket.io", forceNew: true, ...options });
    sockets.set(client, { socket, tell });
    // May come before "connect".
    socket.io.on("open", () => socket.io.engine.on("upgrade", (transport) => tell("upgrade", transport.name)));
    socket.on("connect", () => {
        const transport = socket.io.engine.transport.name;
        // Undefined where the server knows no recovery.
        tell("connect", { id: socket.id, recovered: Boolean(socket.recovered), transport });
    });
    socket.on("connect_error", (error) => tell("connect_error", error.message));
    socket.on("disconnect", (reason) => tell("disconnect", reason));
    socket.onAny((name, ...values) => tell("event", name, ...values));
}

const calls = {
    emit: ({ socket }, name, ...values) => socket.emit(name, ...values),
    // The answer is told under the number.
    ask: ({ socket, tell }, number, name, ...values) =>
        socket.emit(name, ...values, (...answers) => tell("ack", number, ...answers)),
    // What the next CONNECT carries.
    auth: ({ socket }, auth) => socket.auth = auth,
    open: ({ socket }) => socket.connect(),
    disconnect: ({ socket }) => socket.disconnect(),
    // Ends the transport alone; the client comes back by itself.
    closeTransport: ({ socket }) => socket.io.engine.close(),
};

readline.createInterface({ input: process.stdin }).on("line", (line) => {
    const [client, call, ...values] = JSON.parse(line);
    if (call === "connect") connect(client, ...values);
    else calls[call](sockets.get(client), ...values);
}).on("close", () => process.exit());
