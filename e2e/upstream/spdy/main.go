// Command spdy is an upstream that speaks SPDY/3.1 as a kubelet does, with the kubelet's own code: exec and port-forward of one pod. For the
// check kubernetes/spdy: spdy HOST:PORT
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	clientremote "k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
	"k8s.io/kubelet/pkg/cri/streaming/portforward"
	serve "k8s.io/kubelet/pkg/cri/streaming/remotecommand"
)

const (
	pod      = "/api/v1/namespaces/default/pods/web"
	idle     = 10 * time.Minute
	creation = 30 * time.Second
)

type container struct{}

// ExecInContainer knows cat, fail and, for all else, says what it was told to run.
func (container) ExecInContainer(_ context.Context, _ string, _ types.UID, _ string, cmd []string, in io.Reader, out, errs io.WriteCloser,
	_ bool, _ <-chan clientremote.TerminalSize, _ time.Duration) error {
	switch cmd[0] {
	case "cat":
		_, err := io.Copy(out, in)
		return err
	case "fail":
		fmt.Fprintln(errs, "it failed")
		return utilexec.CodeExitError{Err: fmt.Errorf("exit"), Code: 7}
	default:
		_, err := fmt.Fprintln(out, strings.Join(cmd, " "))
		return err
	}
}

// PortForward echoes, behind the number of the port.
func (container) PortForward(_ context.Context, _ string, _ types.UID, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	fmt.Fprintf(stream, "port %d\n", port)
	_, err := io.Copy(stream, stream)
	return err
}

func object(kind string, fields map[string]any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		body := map[string]any{"kind": kind, "apiVersion": "v1"}
		for key, value := range fields {
			body[key] = value
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(body)
	}
}

func main() {
	http.HandleFunc("/api", object("APIVersions", map[string]any{"versions": []string{"v1"}}))
	http.HandleFunc("/apis", object("APIGroupList", map[string]any{"groups": []any{}}))
	http.HandleFunc("/api/v1", object("APIResourceList", map[string]any{"groupVersion": "v1", "resources": []metav1.APIResource{
		{Name: "pods", SingularName: "pod", Namespaced: true, Kind: "Pod", Verbs: []string{"get"}}}}))
	http.HandleFunc(pod, object("Pod", map[string]any{
		"metadata": map[string]any{"name": "web", "namespace": "default"},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "main"}}},
		"status":   map[string]any{"phase": "Running"},
	}))
	http.HandleFunc(pod+"/exec", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("exec by", r.Header.Get("Upgrade"))
		asked := r.URL.Query()
		options := &serve.Options{Stdin: asked.Get("stdin") == "true", Stdout: asked.Get("stdout") == "true",
			Stderr: asked.Get("stderr") == "true", TTY: asked.Get("tty") == "true"}
		serve.ServeExec(w, r, container{}, "web", "", "main", asked["command"], options, idle, creation, remotecommand.SupportedStreamingProtocols)
	})
	http.HandleFunc(pod+"/portforward", func(w http.ResponseWriter, r *http.Request) {
		fmt.Println("portforward by", r.Header.Get("Upgrade"))
		options, err := portforward.NewV4Options(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		portforward.ServePortForward(w, r, container{}, "web", "", options, idle, creation, portforward.SupportedProtocols)
	})
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("upstream ready")
	fmt.Fprintln(os.Stderr, http.Serve(listener, nil))
	os.Exit(1)
}
