// XMLHttpRequest for Node: as much of a browser's as the Socket.IO client asks for, on Node's own HTTP.

"use strict";

const http = require("node:http");

const agent = new http.Agent({ keepAlive: true });
const UNSENT = 0, OPENED = 1, DONE = 4;

class XMLHttpRequest {
    constructor() {
        this.readyState = UNSENT;
        this.onreadystatechange = null;
        this.status = 0;
        this.responseText = "";
        this.timeout = 0;
        this.withCredentials = false;
        this._headers = {};
    }

    open(method, url) {
        this._method = method;
        this._url = url;
        this.readyState = OPENED;
    }

    setRequestHeader(name, value) {
        this._headers[name] = value;
    }

    getResponseHeader(name) {
        const value = this._response?.headers[name.toLowerCase()];
        return Array.isArray(value) ? value.join(", ") : value ?? null;
    }

    send(body) {
        const request = http.request(this._url, { method: this._method, headers: this._headers, agent });
        this._request = request;
        if (this.timeout) request.setTimeout(this.timeout, () => request.destroy(new Error("timeout")));
        request.on("error", () => this._end(0, ""));
        request.on("response", (response) => {
            this._response = response;
            let text = "";
            response.setEncoding("utf8");
            response.on("data", (part) => text += part);
            // An answer that breaks off is none.
            response.on("error", () => this._end(0, ""));
            response.on("end", () => this._end(response.statusCode, text));
        });
        request.end(body ?? undefined);
    }

    abort() {
        this._end(0, "");
        this._request?.destroy();
    }

    _end(status, text) {
        if (this.readyState === DONE) return;
        this.readyState = DONE;
        this.status = status;
        this.responseText = text;
        this.onreadystatechange?.();
    }
}

module.exports = { XMLHttpRequest };
