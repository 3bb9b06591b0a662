package io.tunnelmux.core;

import io.tunnelmux.protocol.ErrorCode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** Writes down what it is told, a line each. */
final class RecordingObserver implements TunnelObserver {

    private final List<String> told = new ArrayList<>();

    /** What it was told since the last call. */
    List<String> take() {
        List<String> taken = List.copyOf(told);
        told.clear();
        return taken;
    }

    @Override
    public void onTunnelOpened(Tunnel tunnel) {
        told.add("tunnel opened by " + tunnel.peer().role());
    }

    @Override
    public void onTunnelClosed(Tunnel tunnel, Outcome outcome, Duration stood) {
        told.add("tunnel closed " + ErrorCode.nameOf(outcome.code()) + " after " + stood.toMillis());
    }

    @Override
    public void onHandshakeFailed(Tunnel tunnel, Outcome outcome) {
        told.add("handshake failed " + ErrorCode.nameOf(outcome.code()));
    }

    @Override
    public void onStreamOpened(TunnelStream stream, boolean isLocal) {
        told.add("stream " + stream.id() + " opened " + side(isLocal));
    }

    @Override
    public void onStreamClosed(TunnelStream stream, StreamEnd end) {
        told.add("stream " + stream.id() + " closed " + side(end.isLocal()) + ' '
                + ErrorCode.nameOf(end.outcome().code()) + " sent " + end.sentBytes() + " received "
                + end.receivedBytes() + " after " + end.lived().toMillis());
    }

    @Override
    public void onStreamRefused(Tunnel tunnel, boolean isLocal, ErrorCode code) {
        told.add("stream refused " + side(isLocal) + ' ' + code);
    }

    @Override
    public void onStallBegan(TunnelStream stream, StreamReport.Wait reason, Duration waited) {
        told.add("stream " + stream.id() + " stalls for " + reason + " since " + waited.toMillis());
    }

    @Override
    public void onStallEnded(TunnelStream stream, StreamReport.Wait reason, Duration lasted) {
        told.add("stream " + stream.id() + " stalled for " + reason + " for " + lasted.toMillis());
    }

    @Override
    public void onNeedlessFrame(Tunnel tunnel) {
        told.add("needless");
    }

    @Override
    public void onClientState(TunnelClient client, TunnelClient.State before, TunnelClient.State state) {
        told.add(before + " " + state + " " + client.connects());
    }

    private static String side(boolean isLocal) {
        return isLocal ? "here" : "there";
    }
}
