package peer

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"syscall"

	"fairlead.dev/fairlead/bench/proc"
)

// nginx is configured after its manual's advice for a fast reverse proxy:
// keep-alive pools, memory buffers, no temporary files, no log.
func nginx() Kind {
	return nginxKind("nginx", "proxy_buffer_size 16k; proxy_buffers 8 32k; proxy_busy_buffers_size 64k;")
}

// nginxTuned is tuned for nothing but bodies: it does not collect request
// bodies, as nobody else does, and has buffers that few would give to each
// request.
func nginxTuned() Kind {
	k := nginxKind("nginx-tuned", "client_header_buffer_size 16k; proxy_request_buffering off;\n"+
		"proxy_buffer_size 16k; proxy_buffers 8 128k; proxy_busy_buffers_size 256k;")
	k.Only = []string{"post", "stream"}
	return k
}

func nginxKind(name, buffers string) Kind {
	return Kind{
		Name:   name,
		Reload: syscall.SIGHUP,
		Find: func(ctx context.Context, s *Store) (string, string, error) {
			return s.debian(ctx, "nginx", "-v")
		},
		Write: func(s Setup) (proc.Command, error) {
			env, err := openSSL(s)
			if err != nil {
				return proc.Command{}, err
			}
			path, err := s.write("nginx.conf", func(w *bufio.Writer) { nginxConfig(w, s, buffers) })
			return proc.Command{Args: []string{"-e", "stderr", "-p", s.Dir, "-c", path}, Env: env}, err
		},
	}
}

func nginxConfig(w *bufio.Writer, s Setup, buffers string) {
	if os.Getuid() == 0 {
		fmt.Fprintln(w, "user root;") // the folder is ours alone
	}
	fmt.Fprintf(w, `daemon off;
worker_processes 1;
pid nginx.pid;
error_log stderr crit;
events { worker_connections 15000; multi_accept on; use epoll; }
http {
access_log off;
sendfile on; tcp_nopush on; tcp_nodelay on;
keepalive_timeout 600s; keepalive_requests 1000000000;
client_body_buffer_size 64k; client_max_body_size 0; client_body_temp_path body;
proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Bench 1;
proxy_max_temp_file_size 0;
%s
server_names_hash_max_size 524288; server_names_hash_bucket_size 128;
`, buffers)
	for i, o := range s.Origins {
		fmt.Fprintf(w, "upstream up%d { server %s; keepalive 256; keepalive_requests 1000000000; keepalive_timeout 600s; }\n", i, o)
	}
	listen, pass := nginxFront(w, s)
	fmt.Fprintf(w, "add_header X-Served nginx;\nserver { listen %s default_server backlog=4096; location / { %s0; } }\n", listen, pass)
	last := ""
	s.each("nginx", func(r route) {
		if r.host != last {
			if last != "" {
				fmt.Fprintln(w, "}")
			}
			last = r.host
			fmt.Fprintf(w, "server { listen %s; server_name %s;\n", listen, r.host)
		}
		served := ""
		if r.served == Changed {
			served = "add_header X-Served " + Changed + "; "
		}
		fmt.Fprintf(w, "location %s { %s%s%d; }\n", r.path, served, pass, r.backend)
	})
	if last != "" {
		fmt.Fprintln(w, "}")
	}
	fmt.Fprintln(w, "}")
}

// nginxFront writes what belongs to the front and the sort of backends. It
// returns what follows "listen", and how to pass a request on, without the
// number of the upstream.
func nginxFront(w *bufio.Writer, s Setup) (listen, pass string) {
	listen, pass = fmt.Sprintf("127.0.0.1:%d", s.Port), "proxy_pass http://up"
	switch s.Front {
	case TLS:
		listen += " ssl http2"
		fmt.Fprintf(w, `ssl_certificate %s; ssl_certificate_key %s;
ssl_protocols TLSv1.3; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ssl_ecdh_curve X25519;
`, s.Cert.Cert, s.Cert.Key)
	case H2C:
		listen += " http2"
	}
	if s.Calls {
		pass = "grpc_pass grpc://up"
		fmt.Fprintln(w, "grpc_set_header X-Bench 1;")
	}
	return listen, pass
}
