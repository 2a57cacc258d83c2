package peer

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Store finds and builds programs.
type Store struct {
	Cache    string // folder of the programs that were built
	Bench    string // folder of this module
	Fairlead string // folder of the main module
	Say      func(text string)
}

// debian finds a program of the distribution and installs it when it is
// missing and the user is root.
func (s *Store) debian(ctx context.Context, name, versionFlag string) (path, version string, err error) {
	path, err = lookPath(name)
	if err != nil {
		if os.Getuid() != 0 {
			return "", "", fmt.Errorf("%w: install the package %q (as root this is done by itself)", err, name)
		}
		s.Say("installing " + name)
		cmd := exec.CommandContext(ctx, "apt-get", "install", "-y", "--no-install-recommends", name)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1") // does not start the service
		if out, err := cmd.CombinedOutput(); err != nil {
			return "", "", fmt.Errorf("install %q: %w: %s", name, err, tail(out))
		}
		if path, err = lookPath(name); err != nil {
			return "", "", err
		}
	}
	out, err := exec.CommandContext(ctx, path, versionFlag).CombinedOutput()
	if err != nil {
		return "", "", fmt.Errorf("ask %q for its version: %w: %s", path, err, tail(out))
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return path, versionOf(line), nil
}

// versionOf finds the first word with a digit and a dot.
func versionOf(line string) string {
	for word := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ' ' || r == '/' }) {
		if word[0] >= '0' && word[0] <= '9' && strings.Contains(word, ".") {
			return word
		}
	}
	return strings.TrimSpace(line)
}

// lookPath also looks where Debian keeps daemons.
func lookPath(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

// module builds a command of a Go module in the first of the versions that can
// be had; one that was built before goes first.
func (s *Store) module(ctx context.Context, module, pkg string, versions ...string) (path, version string, err error) {
	name := filepath.Base(pkg)
	for _, v := range versions {
		path = filepath.Join(s.Cache, name+"-"+v)
		if _, err := os.Stat(path); err == nil {
			return path, v, nil
		}
	}
	var errs []error
	for _, v := range versions {
		path = filepath.Join(s.Cache, name+"-"+v)
		if err := s.buildModule(ctx, module+"@"+v, pkg, path); err != nil {
			errs = append(errs, err)
			continue
		}
		return path, v, nil
	}
	return "", "", errors.Join(errs...)
}

// buildModule copies the module's sources, so that the replacements in its
// go.mod count, which "go install" refuses.
func (s *Store) buildModule(ctx context.Context, module, pkg, path string) error {
	s.Say(fmt.Sprintf("building %s (minutes, once)", module))
	out, err := s.run(ctx, s.Bench, "go", "mod", "download", "-json", module)
	if err != nil {
		return err
	}
	var at struct{ Dir string }
	if err := json.Unmarshal(out, &at); err != nil {
		return fmt.Errorf("download %q: %w", module, err)
	}
	src, err := os.MkdirTemp(s.Cache, "src-")
	if err != nil {
		return fmt.Errorf("build %q: %w", module, err)
	}
	defer os.RemoveAll(src)
	if err := os.CopyFS(src, os.DirFS(at.Dir)); err != nil {
		return fmt.Errorf("build %q: %w", module, err)
	}
	_, err = s.run(ctx, src, "go", "build", "-mod=mod", "-trimpath", "-buildvcs=false", "-o", path, pkg)
	return err
}

// tree builds a command of a module on this disk.
func (s *Store) tree(ctx context.Context, dir, pkg, name string) (path, version string, err error) {
	path = filepath.Join(s.Cache, name)
	if _, err := s.run(ctx, dir, "go", "build", "-trimpath", "-o", path, pkg); err != nil {
		return "", "", err
	}
	version = "this tree"
	if out, err := s.run(ctx, dir, "git", "rev-parse", "--short", "HEAD"); err == nil {
		version = strings.TrimSpace(string(out))
	}
	if out, err := s.run(ctx, dir, "git", "status", "--porcelain", "--untracked-files=no", "."); err == nil && len(out) > 0 {
		version += " with changes"
	}
	return path, version, nil
}

// Tool builds one of this module's own commands.
func (s *Store) Tool(ctx context.Context, name string) (string, error) {
	path, _, err := s.tree(ctx, s.Bench, "./"+name, name)
	return path, err
}

func (s *Store) run(ctx context.Context, dir, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, tail(append(errs.Bytes(), out...)))
	}
	return out, nil
}

func tail(b []byte) string { return strings.TrimSpace(string(b[max(0, len(b)-600):])) }
