// SPDX-License-Identifier: Apache-2.0

import com.android.tools.r8.D8;
import com.android.tools.r8.D8Command;
import com.android.tools.r8.R8;
import com.android.tools.r8.R8Command;
import com.android.tools.r8.origin.Origin;
import java.nio.file.Files;
import java.nio.file.Path;

/** Runs D8, or R8 for a file whose name ends with `.r8`, once per argument file, in one process. */
public final class DexDriver {
    private DexDriver() {}

    public static void main(String[] argumentFiles) throws Exception {
        for (String file : argumentFiles) {
            String[] arguments = Files.readAllLines(Path.of(file)).toArray(new String[0]);
            System.err.println("---- " + file);
            if (file.endsWith(".r8")) {
                R8.run(R8Command.parse(arguments, Origin.root()).build());
            } else {
                D8.run(D8Command.parse(arguments, Origin.root()).build());
            }
        }
    }
}
