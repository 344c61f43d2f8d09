#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A web server that alerts are posted to: webhook.py PORT FILE

Its first answer is 503, and to the path /refused it answers 400. What it takes goes to FILE, a line
each; what it was asked, to standard output."""
import http.server
import json
import sys

asked = 0


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        global asked
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked += 1
        status = 400 if self.path == "/refused" else 503 if asked == 1 else 200
        print(status, self.headers["Content-Type"], json.loads(body)["state"], flush=True)
        if status == 200:
            with open(sys.argv[2], "ab") as out:
                out.write(body)
        self.send_response(status)
        self.end_headers()


http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
