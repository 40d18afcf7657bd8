"""Stands in for Neutron: neutron_stub.py PORT.

The lab's instances have no network, yet Nova asks Neutron for their ports when it builds, rebuilds and deletes them.
There are none, and there is never anything to change: every listing is empty and every change succeeds. A real Neutron
would add a server, an agent and a database, and nothing that the recovery of instances touches.
"""
import http.server
import json
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'

    def answer(self, status, document=None):
        body = b'' if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        path = self.path.partition('?')[0].strip('/')
        if path == '':
            address = 'http://%s/v2.0' % self.headers['Host']
            self.answer(200, {'versions': [
                {'id': 'v2.0', 'status': 'CURRENT', 'links': [{'rel': 'self', 'href': address}]}]})
        else:
            collection = path.rpartition('/')[2].removesuffix('.json').replace('-', '_')
            self.answer(200, {collection: []})

    def do_POST(self):
        self.rfile.read(int(self.headers.get('Content-Length') or 0))
        self.answer(200, {})

    do_PUT = do_POST

    def do_DELETE(self):
        self.answer(204)


if __name__ == '__main__':
    http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[1])), Handler).serve_forever()
