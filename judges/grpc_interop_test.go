package judges

import (
	"context"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"fairlead.dev/fairlead/kit/certtest"
)

// interopCases are those of grpc-go's interop client that need no credentials of
// a cloud. It has none for compression and none for caches; that of pick_first,
// which its own server does not pass, is in TestGRPCPickFirst.
var interopCases = []string{
	"empty_unary", "large_unary", "client_streaming", "server_streaming", "ping_pong", "empty_stream",
	"timeout_on_sleeping_server", "cancel_after_begin", "cancel_after_first_response", "status_code_and_message",
	"special_status_message", "custom_metadata", "unimplemented_method", "unimplemented_service",
	"rpc_soak", "channel_soak", "orca_per_rpc", "orca_oob",
}

// TestGRPCInterop runs grpc-go's interop client against its server, with Fairlead
// between, in the four ways.
func TestGRPCInterop(t *testing.T) {
	if testing.Short() {
		t.Skip("builds grpc-go's interop programs; make judges runs it")
	}
	const module = "google.golang.org/grpc"
	client, server := build(t, module, module+"/interop/client"), build(t, module, module+"/interop/server")
	for _, secureClient := range []bool{true, false} {
		for _, secureBackend := range []bool{true, false} {
			t.Run(way(secureClient, secureBackend), func(t *testing.T) {
				ca := certtest.New(t, "judges")
				address := startInteropServer(t, server, ca, secureBackend)
				f := startFront(t, ca, "* -> "+back(t, ca, address, secureBackend))
				for _, name := range interopCases {
					t.Run(name, func(t *testing.T) { f.interop(t, client, name, secureClient) })
				}
			})
		}
	}
}

// startInteropServer returns its address. It starts it again elsewhere when
// somebody else took the port meanwhile.
func startInteropServer(t *testing.T, file string, ca *certtest.CA, secure bool) (address string) {
	t.Helper()
	for try := 0; address == "" && try < 5; try++ {
		address = tryInteropServer(t, file, ca, secure)
	}
	if address == "" {
		t.Fatal("the interop server does not stay")
	}
	return address
}

// tryInteropServer returns "" when the server ended at once.
func tryInteropServer(t *testing.T, file string, ca *certtest.CA, secure bool) string {
	t.Helper()
	address, log := freeAddress(t), &output{}
	args := []string{"-port", strconv.Itoa(portOf(t, address))}
	if secure {
		cert, key := ca.Server(t, frontName).Write(t, t.TempDir(), "back")
		args = append(args, "-use_tls", "-tls_cert_file", cert, "-tls_key_file", key)
	}
	cmd := exec.Command(file, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the interop server says:\n%s", log.end())
		}
	})
	listens := false
	eventually(t, "the interop server listens or ends", func() bool {
		select {
		case <-ended:
			return true
		default:
		}
		conn, err := net.Dial("tcp", address)
		if listens = err == nil; listens {
			conn.Close()
		}
		return listens
	})
	if !listens {
		t.Logf("the interop server ended:\n%s", log.end())
		return ""
	}
	return address
}

// interop runs one case.
func (f *front) interop(t *testing.T, client, name string, secure bool) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := []string{
		"-test_case", name, "-server_host", "127.0.0.1", "-server_port", strconv.Itoa(portOf(t, f.address(secure))),
		"-soak_iterations", "30", "-soak_num_threads", "3", "-soak_overall_timeout_seconds", "50",
		"-soak_per_iteration_max_acceptable_latency_ms", strconv.Itoa(int(10 * time.Second / time.Millisecond)),
	}
	if secure {
		file := filepath.Join(t.TempDir(), "ca.pem")
		certtest.WriteFile(t, file, f.ca.CertPEM)
		args = append(args, "-use_tls", "-use_test_ca", "-ca_file", file, "-server_host_override", frontName)
	}
	if name == "orca_per_rpc" || name == "orca_oob" {
		args = append(args, "-service_config_json", `{"loadBalancingConfig":[{"test_backend_metrics_load_balancer":{}}]}`)
	}
	if out, err := exec.CommandContext(ctx, client, args...).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
