# What Cython's own declarations of CPython's interface lack.
cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object)
    void Py_SET_SIZE(object, Py_ssize_t)
