"""What pyproject.toml cannot say: the compiled head, once for each instruction set; installation needs none of them."""

import platform

from setuptools import Extension, setup

COMMON = ["-std=c++17", "-O3", "-g0", "-fvisibility=hidden", "-ffp-contract=fast", "-fno-math-errno"]
# Apple's compiler has no OpenMP: one thread there
THREADS = [] if platform.system() == "Darwin" else ["-fopenmp"]
BUILDS = {"generic": []}
if platform.machine().lower() in ("x86_64", "amd64"):
    BUILDS["avx2"] = ["-mavx2", "-mfma"]
    BUILDS["avx512"] = ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mfma", "-mprefer-vector-width=512"]

setup(
    ext_modules=[
        Extension(
            f"aat.kernels._head_{build}",
            sources=[f"aat/kernels/csrc/{build}.cpp"],
            depends=[f"aat/kernels/csrc/{part}.hpp" for part in ("head", "memory", "network", "threads")],
            extra_compile_args=[*COMMON, *THREADS, *flags],
            extra_link_args=THREADS,
            optional=True,
        )
        for build, flags in BUILDS.items()
    ],
    options={"build_ext": {"parallel": len(BUILDS)}},
)
