package io.tunnelmux.netty.agent;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A path of a Kubernetes API that has one meaning, whoever reads it on the way: no {@code .} or {@code ..}, no empty segment, no backslash and no path parameter,
 * neither plain nor escaped, and no escape of an escape. So what is judged here, with its escapes read, is what the API server will see; the path itself
 * goes there as it came.
 *
 * <p>Immutable; any thread.
 */
final class KubernetesPath {

    /** What has a meaning in a path of its own, or might get one where somebody reads the escapes too early. */
    private static final String NEVER_ESCAPED = "/\\.%;?#";
    /** What a segment may have besides letters and digits (RFC 3986, 3.3), without the semicolon. */
    private static final String PLAIN = "-._~!$&'()*+,=:@";
    /** Subresources of a namespace itself; anything else behind its name is a resource in it. */
    private static final List<String> OF_NAMESPACES = List.of("status", "finalize");

    private final String decoded;
    private final boolean isCore;
    private final @Nullable String verb;
    private final @Nullable String resource;
    private final @Nullable String subresource;

    private KubernetesPath(String decoded) {
        this.decoded = decoded;
        List<String> segments = List.of(decoded.substring(1).split("/"));
        isCore = segments.get(0).equals("api");
        int groupAndVersion = isCore ? 2 : segments.get(0).equals("apis") ? 3 : segments.size();
        List<String> rest = segments.subList(Math.min(groupAndVersion, segments.size()), segments.size());
        boolean hasVerb =
                !rest.isEmpty() && (rest.get(0).equals("watch") || rest.get(0).equals("proxy"));
        verb = hasVerb ? rest.get(0) : null;
        rest = rest.subList(hasVerb ? 1 : 0, rest.size());
        boolean isInNamespace =
                rest.size() > 2 && rest.get(0).equals("namespaces") && !OF_NAMESPACES.contains(rest.get(2));
        rest = rest.subList(isInNamespace ? 2 : 0, rest.size());
        resource = rest.isEmpty() ? null : rest.get(0);
        subresource = rest.size() < 3 ? null : rest.get(2);
    }

    /** @throws RequestRefusedException unless it is one of those described above */
    static KubernetesPath of(String path) throws RequestRefusedException {
        if (!path.startsWith("/")) {
            throw new RequestRefusedException("a path must begin with a slash");
        }
        String decoded = decode(path);
        int end = decoded.length() > 1 && decoded.endsWith("/") ? decoded.length() - 1 : decoded.length();
        if (decoded.length() > 1) {
            for (String segment : decoded.substring(1, end).split("/", -1)) {
                if (segment.isEmpty() || segment.equals(".") || segment.equals("..")) {
                    throw new RequestRefusedException("the path has a segment that is empty, a dot or two dots");
                }
            }
        }
        return new KubernetesPath(decoded.substring(0, end));
    }

    private static String decode(String path) throws RequestRefusedException {
        StringBuilder decoded = new StringBuilder(path.length());
        for (int i = 0; i < path.length(); i++) {
            char c = path.charAt(i);
            if (c == '%') {
                decoded.append(unescaped(path, i));
                i += 2;
            } else if (c == '/' || isLetterOrDigit(c) || PLAIN.indexOf(c) >= 0) {
                decoded.append(c);
            } else {
                throw new RequestRefusedException("the path holds character " + (int) c);
            }
        }
        return decoded.toString();
    }

    private static char unescaped(String path, int percent) throws RequestRefusedException {
        int high = percent + 2 < path.length() ? Character.digit(path.charAt(percent + 1), 16) : -1;
        int low = high < 0 ? -1 : Character.digit(path.charAt(percent + 2), 16);
        char c = (char) (high << 4 | low);
        boolean isHex = low >= 0 && path.charAt(percent + 1) < 0x80 && path.charAt(percent + 2) < 0x80;
        // C0 and C1 begin no character of UTF-8, but some take C0 AF for a slash.
        if (!isHex || c < ' ' || c == 0x7f || c == 0xc0 || c == 0xc1 || NEVER_ESCAPED.indexOf(c) >= 0) {
            throw new RequestRefusedException("the path holds an escape that has no place in it");
        }
        return c;
    }

    private static boolean isLetterOrDigit(char c) {
        return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9';
    }

    /** Whether it is {@code prefix}, or goes on behind it with a slash. */
    boolean isUnder(String prefix) {
        return decoded.startsWith(prefix)
                && (decoded.length() == prefix.length()
                        || prefix.endsWith("/")
                        || decoded.charAt(prefix.length()) == '/');
    }

    /** Of an object that the path names, such as {@code exec}; null if it names none, or the object itself. */
    @Nullable
    String subresource() {
        return "proxy".equals(verb) ? "proxy" : subresource;
    }

    /** Whether it is about the server of a node, which runs commands in each of its containers. */
    boolean isNode() {
        return "nodes".equals(resource);
    }

    /** Whether it is about a container's output. */
    boolean isLog() {
        return isCore && "pods".equals(resource) && "log".equals(subresource) && verb == null;
    }

    /** Whether it is about objects, which may be watched. */
    boolean isWatchable() {
        return resource != null && subresource == null && !"proxy".equals(verb);
    }

    /** Whether watching them is what the path itself asks for. */
    boolean isWatch() {
        return isWatchable() && "watch".equals(verb);
    }

    @Override
    public String toString() {
        return decoded;
    }
}
