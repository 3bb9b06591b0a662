package io.tunnelmux.examples.quickstart;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** HTTP/1.1 on one connection. One thread. */
final class HttpWireClient extends WireClient implements Echo {

    private final String host;
    private byte[] request = new byte[0];
    private byte[] answer = new byte[0];

    HttpWireClient(InetSocketAddress address) throws IOException {
        super(address);
        host = address.getAddress().getHostAddress() + ":" + address.getPort();
    }

    @Override
    public boolean echo(byte[] body) throws IOException {
        if (answer.length != body.length) {
            byte[] head = head("POST", "/echo", body.length);
            request = new byte[head.length + body.length];
            System.arraycopy(head, 0, request, 0, head.length);
            answer = new byte[body.length];
        }
        System.arraycopy(body, 0, request, request.length - body.length, body.length);
        out.write(request);
        if (contentLength(readHead(200)) != body.length) {
            throw new IOException("the answer has another length than the request");
        }
        readFully(answer);
        return Arrays.equals(answer, body);
    }

    /** Downloads so many bytes and tells whether they were right. */
    boolean download(long count) throws IOException {
        out.write(head("GET", "/bytes?n=" + count, 0));
        if (contentLength(readHead(200)) != count) {
            throw new IOException("the answer has another length than was asked for");
        }
        return readPattern(count);
    }

    /** Uploads so many bytes and tells whether the upstream found them right. */
    boolean upload(long count) throws IOException {
        out.write(head("POST", "/sink", count));
        byte[] block = Pattern.bytes(0, Pattern.BLOCK_BYTES);
        for (long left = count; left > 0; left -= block.length) {
            out.write(block, 0, (int) Math.min(left, block.length));
        }
        byte[] verdict = new byte[(int) contentLength(readHead(200))];
        readFully(verdict);
        return new String(verdict, StandardCharsets.UTF_8).equals(count + " right\n");
    }

    private byte[] head(String method, String target, long length) {
        String head = method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n"
                + (method.equals("POST") ? "Content-Length: " + length + "\r\n" : "") + "\r\n";
        return head.getBytes(StandardCharsets.ISO_8859_1);
    }
}
