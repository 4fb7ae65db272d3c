// SPDX-License-Identifier: Apache-2.0

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler;

/** Runs the Kotlin compiler once per argument file, in one process: only the first run pays for starting it up. */
public final class CompilerDriver {
    private CompilerDriver() {}

    public static void main(String[] argumentFiles) throws Exception {
        for (String file : argumentFiles) {
            List<String> arguments = Files.readAllLines(Path.of(file));
            int code = new K2JVMCompiler().exec(System.err, arguments.toArray(new String[0])).getCode();
            System.out.println(file + "\t" + code);
            System.out.flush();
            System.err.println("----");
        }
    }
}
