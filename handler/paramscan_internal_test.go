package handler

import (
	"go/ast"
	"go/build"
	"go/constant"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strings"
	"testing"
)

// sources are the package's sources, with what is known of their types. Imported packages are not looked at.
type sources struct {
	t     *testing.T
	info  types.Info
	pkg   *types.Package
	decls map[types.Object]*ast.FuncDecl
	named map[string]types.Object // by "Type.method" or "function"
}

type noImports struct{}

func (noImports) Import(path string) (*types.Package, error) {
	p := types.NewPackage(path, path[strings.LastIndex(path, "/")+1:])
	p.MarkComplete()
	return p, nil
}

func loadSources(t *testing.T) *sources {
	t.Helper()
	dir, err := build.ImportDir(".", 0)
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, name := range dir.GoFiles {
		file, err := parser.ParseFile(fset, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	s := &sources{t: t, decls: map[types.Object]*ast.FuncDecl{}, named: map[string]types.Object{}, info: types.Info{
		Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
	}}
	config := types.Config{Importer: noImports{}, Error: func(error) {}} // what is imported is unknown, and not needed
	s.pkg, _ = config.Check("handler", fset, files, &s.info)
	for _, file := range files {
		for _, d := range file.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				obj := s.info.Defs[fn.Name]
				s.decls[obj] = fn
				s.named[qualified(obj.(*types.Func))] = obj
			}
		}
	}
	return s
}

func qualified(f *types.Func) string {
	recv := f.Signature().Recv()
	if recv == nil {
		return f.Name()
	}
	return typeName(recv.Type()) + "." + f.Name()
}

// typeName returns the name of a type of the package, or of what a pointer to it points to.
func typeName(t types.Type) string {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	if n, ok := t.(*types.Named); ok {
		return n.Obj().Name()
	}
	return ""
}

// parameters returns the names of the parameters that a function reads, by itself or by what it calls in the package.
func (s *sources) parameters(name string) map[string]bool {
	s.t.Helper()
	start := s.named[name]
	if start == nil {
		s.t.Fatalf("there is no function %s", name)
	}
	found := map[string]bool{}
	seen := map[types.Object]bool{}
	for queue := []types.Object{start}; len(queue) > 0; queue = queue[1:] {
		fn := s.decls[queue[0]]
		if fn == nil || fn.Body == nil || seen[queue[0]] {
			continue
		}
		seen[queue[0]] = true
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if f, ok := s.info.Uses[n].(*types.Func); ok {
					queue = append(queue, f)
				}
			case *ast.CallExpr:
				s.call(fn, n, found)
			case *ast.IndexExpr:
				if typeName(s.typeOf(n.X)) == "params" {
					s.name(fn, n.Index, found)
				}
			case *ast.BinaryExpr:
				s.field(fn, n.X, []ast.Expr{n.Y}, found)
			case *ast.SwitchStmt:
				for _, c := range n.Body.List {
					s.field(fn, n.Tag, c.(*ast.CaseClause).List, found)
				}
			}
			return true
		})
	}
	return found
}

func (s *sources) typeOf(e ast.Expr) types.Type {
	if tv, ok := s.info.Types[e]; ok && tv.Type != nil {
		return tv.Type
	}
	return types.Typ[types.Invalid]
}

// call notes the names that a call hands to a function that reads parameters: one of params, or with params.
func (s *sources) call(in *ast.FuncDecl, call *ast.CallExpr, found map[string]bool) {
	sig, ok := s.typeOf(call.Fun).(*types.Signature)
	if !ok {
		return
	}
	reads := false
	if sel, ok := call.Fun.(*ast.SelectorExpr); ok {
		_, method := s.info.Uses[sel.Sel].(*types.Func)
		reads = method && typeName(s.typeOf(sel.X)) == "params"
	}
	for i := range sig.Params().Len() {
		reads = reads || typeName(sig.Params().At(i).Type()) == "params"
	}
	if !reads {
		return
	}
	for _, arg := range call.Args {
		if basic, ok := s.typeOf(arg).Underlying().(*types.Basic); ok && basic.Info()&types.IsString != 0 {
			s.name(in, arg, found)
		}
	}
}

// name notes the name of a parameter: a constant, or a variable of the function, of which all values are noted. What
// the function itself was given, its caller has named.
func (s *sources) name(in *ast.FuncDecl, e ast.Expr, found map[string]bool) {
	s.t.Helper()
	if v := s.info.Types[e].Value; v != nil {
		found[constant.StringVal(v)] = true
		return
	}
	id, ok := e.(*ast.Ident)
	if ok && slices.ContainsFunc(in.Type.Params.List, func(f *ast.Field) bool {
		return slices.ContainsFunc(f.Names, func(n *ast.Ident) bool { return s.info.Defs[n] == s.info.Uses[id] })
	}) {
		return
	}
	values := 0
	note := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if e, ok := n.(ast.Expr); ok && s.info.Types[e].Value != nil {
				found[constant.StringVal(s.info.Types[e].Value)] = true
				values++
				return false
			}
			return true
		})
	}
	is := func(e ast.Expr) bool {
		other, isID := e.(*ast.Ident)
		return ok && isID && s.objectOf(other) == s.objectOf(id)
	}
	ast.Inspect(in.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if len(n.Lhs) == 1 && is(n.Lhs[0]) {
				note(n.Rhs[0])
			}
		case *ast.RangeStmt:
			if n.Value != nil && is(n.Value) {
				note(n.X)
			}
		}
		return true
	})
	if values == 0 {
		s.t.Errorf("%s reads a parameter whose name this test cannot tell; use a constant", in.Name.Name)
	}
}

func (s *sources) objectOf(id *ast.Ident) types.Object {
	if o := s.info.Uses[id]; o != nil {
		return o
	}
	return s.info.Defs[id]
}

// field notes the names that the fields of a multipart form are compared with.
func (s *sources) field(in *ast.FuncDecl, what ast.Expr, with []ast.Expr, found map[string]bool) {
	call, ok := what.(*ast.CallExpr)
	if !ok {
		return
	}
	if sel, ok := call.Fun.(*ast.SelectorExpr); !ok || sel.Sel.Name != "FormName" {
		return
	}
	for _, e := range with {
		s.name(in, e, found)
	}
}
